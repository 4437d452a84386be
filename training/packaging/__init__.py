"""From a checkpoint to a packaged model, and packaged models as translators of patches."""
