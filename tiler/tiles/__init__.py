"""From a request for a layer to an image: layers, their readers, rendering, and the factory of their routes."""
