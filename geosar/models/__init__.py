"""Packaged models: found, fetched, checked, and what they say of themselves."""

from geosar.models.library import Model, list_models, load_model, sha256

__all__ = ["Model", "list_models", "load_model", "sha256"]
