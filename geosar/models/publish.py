"""Packaged models on a running service: sent to it, and removed from it."""

import http
import os
import tempfile
import zipfile
from typing import Any
from urllib.parse import quote

from geosar.errors import UsageError
from geosar.models.library import load_model
from geosar.models.service import ServiceError, ask

KEY = "GEOSAR_KEY"
"""The environment variable that holds the key of a service."""
_SECONDS = 180.0


def publish_model(model: str | os.PathLike[str], service: str) -> dict[str, Any]:
    """Send a packaged model (folder or zip) to the service at a URL, whose jobs may then name it.

    It is checked first, as `load_model` does. The key, where the service wants one, is that of `GEOSAR_KEY`, of the
    scope admin. Returns what the service says of the model. Raises the errors of `load_model`, and
    ServiceError where the service refuses.
    """
    package = load_model(model)
    _check_allowed(service)
    names = {name for spec in package.manifest.files.values() for name, _ in spec.parts()}
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in ("manifest.json", "MODEL_CARD.md", *sorted(names)):  # pictures of the card stay here
                if (package.folder / name).is_file():
                    archive.write(package.folder / name, name)
        size = file.tell()
        file.seek(0)
        headers = {"Content-Type": "application/zip", "Content-Length": str(size)}
        return _asked(_url(service), method="POST", body=file, headers=headers, seconds=_SECONDS)


def withdraw_model(name: str, service: str) -> None:
    """Remove a model that was sent to a service; raises ServiceError where it refuses."""
    _asked(_url(service, name), method="DELETE")


def published_models(service: str) -> list[dict[str, Any]]:
    """Return what a service says of its models; raises ServiceError."""
    models: list[dict[str, Any]] = _asked(_url(service)).get("models", [])
    return models


def check_free(name: str, service: str) -> None:
    """Raise UsageError where a service has a model of this name, ServiceError where it does not answer."""
    for model in published_models(service):
        if model["name"] == name:
            remedy = f"`geosar models remove {name} --service {service}`, or " if model["removable"] else ""
            raise UsageError(
                f"{service} has a model {name!r} already (version {model['version']}); {remedy}give another --name."
            )


def _check_allowed(service: str) -> None:
    """Raise ServiceError where the service would refuse any model: such an answer to a long body is often not heard."""
    try:
        _asked(_url(service), method="POST")
    except ServiceError as error:
        if error.status != http.HTTPStatus.UNPROCESSABLE_ENTITY:  # of what is empty
            raise


def _url(service: str, name: str | None = None) -> str:
    return f"{service.rstrip('/')}/models" + (f"/{quote(name, safe='')}" if name else "")


def _asked(url: str, **options: Any) -> dict[str, Any]:
    try:
        return ask(url, key=os.environ.get(KEY), **options)
    except ServiceError as error:
        if error.status not in {401, 403}:
            raise
        raise ServiceError(f"{error} The key of the service is taken from {KEY}.", error.status) from error
