"""What layers there are, and what each of them is: the one table from which everything else about layers follows.

A new layer is an entry here, its path in `geosar_tiler.tiles.layers`, and its reader in `geosar_tiler.tiles.factory`.
"""

from dataclasses import dataclass
from typing import Literal

from geosar.display import ERROR_RANGE, ERROR_TITLE, SYNTHETIC_OPTICAL

COLOURS = ("red", "green", "blue")
SYNTHETIC = "Synthetic optical image made from SAR; not an observation"


@dataclass(frozen=True, kw_only=True)
class LayerKind:
    """One kind of layer of a scene, at /scenes/ID/NAME.

    It is made of the scene itself, of the file of the same name of a finished job, or of the true image that was sent.
    """

    name: str
    made_of: Literal["scene", "job", "reference"]
    synthetic: bool
    """Whether a network made it."""
    suffix: str = ""
    """What its title says behind the scene's name."""
    statement: str = ""
    """What it is, in one sentence, for whoever shows it."""
    legend: str
    """What it is, in the words of a legend; {bands} stands for the names of its bands."""
    bands: tuple[str, ...] = ()
    """Names of the bands; none where they are the polarisations, whose backscatter the values are."""
    unit: str = ""
    span: tuple[float, float] | None = None
    """Values at the ends of its colours, where they are always the same."""
    asked_by: str = ""
    """The input of the process that asks for it, where a job need not make it."""

    def title(self, scene: str) -> str:
        """Name a layer of the scene of this name."""
        return f"{scene} ({self.suffix})" if self.suffix else scene


KINDS = (
    LayerKind(name="sar", made_of="scene", synthetic=False, legend="SAR backscatter {bands}"),
    LayerKind(
        name="despeckled", made_of="job", synthetic=False, suffix="despeckled", asked_by="despeckled",
        statement="Backscatter with its speckle filtered: estimated from the observation, not synthetic",
        legend="Despeckled backscatter {bands}, estimated from the observation, not synthetic",
    ),
    LayerKind(
        name="optical", made_of="job", synthetic=True, suffix="synthetic", statement=SYNTHETIC,
        legend=SYNTHETIC_OPTICAL, bands=COLOURS,
    ),
    LayerKind(
        name="error", made_of="job", synthetic=True, suffix="expected error", legend=ERROR_TITLE, bands=("error",),
        statement=f"Expected absolute error of a {SYNTHETIC[0].lower()}{SYNTHETIC[1:]}", unit="of 255",
        span=(float(ERROR_RANGE[0]), float(ERROR_RANGE[1])), asked_by="error_band",
    ),
    LayerKind(
        name="live", made_of="scene", synthetic=True, suffix="synthetic, live", statement=SYNTHETIC,
        legend="Synthetic optical image (live), not an observation", bands=(*COLOURS, "error"),
    ),
    LayerKind(
        name="reference", made_of="reference", synthetic=False, suffix="reference", legend="True optical image",
        bands=COLOURS,
    ),
)  # fmt: skip

NAMES = tuple(kind.name for kind in KINDS)
IN_PATHS = "|".join(NAMES)
"""For regular expressions: the part of a path that names a layer."""


OF_JOBS = frozenset(kind.name for kind in KINDS if kind.made_of == "job")
"""Those that `?job=ID` names one of."""


def kind_of(name: str) -> LayerKind:
    """Return the kind of this name."""
    return KINDS[NAMES.index(name)]
