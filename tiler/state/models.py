"""The models that a service has: its operator's, those that come with geosar, and those that were sent to it.

What was sent lies in a folder of the store, called as the model is, whole or not at all; no row names it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geosar.errors import ModelFormatError
from geosar.models import Model, load_model
from geosar.models.manifest import read_manifest
from geosar_tiler.errors import ConflictError, NotFoundError
from geosar_tiler.settings import Settings
from geosar_tiler.state.store import Store


@dataclass(frozen=True, slots=True)
class Models:
    """Finds models by the names that requests may use; no path or URL of a request is one."""

    settings: Settings
    store: Store

    def names(self) -> list[str]:
        """Return all names, the default first."""
        return [*self.settings.models(), *(model.manifest.name for model in self.sent())]

    def sent(self) -> Iterator[Model]:
        """Return the models that were sent, in the order of their names; their files were checked when they came."""
        configured = self.settings.models()
        for folder in sorted(self.store.models.iterdir()):
            model = None if folder.name in configured else _at(folder)
            if model is not None:
                yield model

    def find_sent(self, name: str) -> Model | None:
        """Return the model of this name that was sent, if there is one."""
        return next((model for model in self.sent() if model.manifest.name == name), None)

    def load(self, name: str) -> Model:
        """Open a model; raises NotFoundError for a name that there is not."""
        configured = self.settings.models()
        if name in configured:
            return load_model(configured[name])
        model = self.find_sent(name)
        if model is None:
            raise NotFoundError(f"there is no model {name!r}; GET /models lists those that there are.")
        return model

    def reference(self, name: str) -> str:
        """Return what a job says of its model: what the settings say, or the name of one that was sent."""
        return self.settings.models().get(name, name)

    @contextmanager
    def kept(self, name: str, model: Model) -> Iterator[None]:
        """Let nobody remove a model for the block; raises ConflictError where it was removed or replaced meanwhile."""
        if name in self.settings.models():
            yield
            return
        with self.store.exclusively():
            there = self.find_sent(name)
            if there is None or there.checksum != model.checksum:
                raise ConflictError(
                    f"the model {name!r} was removed meanwhile; GET /models lists those that there are."
                )
            yield

    def resolved(self, options: dict[str, Any]) -> dict[str, Any]:
        """Put the folder of a model that was sent in the place of its name, in the options of a job."""
        model = self.find_sent(str(options.get("model", "")))
        return options if model is None else {**options, "model": str(model.folder)}


def _at(folder: Path) -> Model | None:
    try:
        return Model(folder, read_manifest(folder / "manifest.json"))
    except ModelFormatError:  # it is being removed at this very moment, or is of another version of geosar
        return None
