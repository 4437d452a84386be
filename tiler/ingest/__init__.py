"""From a request's body, or a URL, to a scene: received, resumed, fetched, registered."""
