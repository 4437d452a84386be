"""One translation with everything opened, and what its outputs say of where they come from."""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from geosar.engines import Engine
from geosar.errors import TranslationCancelled
from geosar.grid import MapGrid, Window, windows
from geosar.image_place import ImagePlace
from geosar.models import Model
from geosar.models.fit import spacing_warnings
from geosar.outputs import Targets
from geosar.provenance import Provenance
from geosar.scene import SarScene
from geosar.tone import Tone

Source = str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to translate, with what, into what.

    `part` is the window of the scene that is translated, in the scene's pixels. `assumed` says which polarisations
    were taken for which. `match` names an optical image whose tone is matched.
    """

    scene: SarScene
    model: Model
    engine: Engine
    part: Window
    targets: Targets
    compress: str
    overwrite: bool
    resume: bool
    window_size: int
    writers: int
    assumed: tuple[str, ...]
    match: str | None
    cancel: threading.Event

    @property
    def image_place(self) -> ImagePlace | None:
        """What the outputs' tags say of their place where they lie on no map grid."""
        place = self.scene.image_place
        return None if place is None else place.of_part(self.part.col_off, self.part.row_off)

    @cached_property
    def grid(self) -> MapGrid:
        """The outputs' grid."""
        return self.scene.grid.subgrid(self.part)

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        """The windows of that grid, in the order in which they are translated."""
        return windows(self.grid.width, self.grid.height, self.window_size)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What may harm the result."""
        return spacing_warnings(self.scene.grid, self.model.manifest)

    @property
    def despeckles(self) -> bool:
        """Whether despeckled backscatter is among the outputs."""
        return self.targets.despeckled is not None

    def check(self) -> None:
        """Raise TranslationCancelled once the translation is to stop."""
        if self.cancel.is_set():
            raise TranslationCancelled(
                f"the translation to {self.targets.image} was stopped; run the same again with resume (--resume) to "
                "continue from the last finished window.",
            )

    def plan(self, tone: Tone | None) -> dict[str, str]:
        """Return what must be the same for a run to be resumed."""
        return {
            "model": f"{self.model.label} {self.model.checksum}",
            "engine": f"{self.engine.name} {self.engine.device} {self.engine.precision}",
            "source": self.scene.fingerprint,
            "part": f"{self.part.col_off},{self.part.row_off}",
        } | ({} if tone is None else {"tone": f"{tone.gain} {tone.offset}"})

    def provenance(self, notes: tuple[str, ...]) -> Provenance:
        """Return what the tags and the STAC item say; `notes` are what was inferred."""
        return Provenance(
            source=self.scene.source,
            unit=self.scene.unit.value,
            polarisations=self.scene.polarisations,
            model=self.model.manifest.name,
            model_version=self.model.manifest.version,
            model_sha256=self.model.checksum,
            acquired=self.scene.acquired,
            placement=self.scene.placement,
            placement_error_metres=self.scene.placement_error_metres,
            notes=(*notes, *self.warnings),
        )
