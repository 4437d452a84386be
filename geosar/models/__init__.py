"""Packaged models: found, fetched, checked, and what they say of themselves."""

from geosar.models.library import DEFAULT_MODEL, Model, list_models, load_model, sha256

__all__ = ["DEFAULT_MODEL", "Model", "list_models", "load_model", "sha256"]
