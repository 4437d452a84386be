"""What a packaged model says of itself: the checked shape of its ``manifest.json``."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from geosar.errors import ModelFormatError
from geosar.vocabulary import POLARISATIONS

FORMAT = "geosar-model/1"
MOST_BYTES = 2**20
"""No manifest is longer."""
SUFFIXES = {"openvino": ".xml", "onnx": ".onnx", "safetensors": ".safetensors"}
OUTPUTS = ("red", "green", "blue", "error")

Role = Literal["int8", "float32", "weights", "onnx"]
"""`weights` are for PyTorch, `onnx` for other programs; the others are run on the CPU."""
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FileSpec(_Frozen):
    """One file of a model, with its checksum; an OpenVINO network also names its ``.bin`` of weights."""

    path: str
    engine: Literal["openvino", "onnx", "safetensors"]
    sha256: Sha256
    data_path: str | None = None
    data_sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _is_inside_and_whole(self) -> Self:
        for path in (self.path, self.data_path):
            if path is not None and (PurePosixPath(path).name != path or "\\" in path or path in {"", ".", ".."}):
                raise ValueError(f"the file {path!r} must be a bare name inside the model's own folder")
        if (self.data_path is None) != (self.data_sha256 is None):
            raise ValueError("data_path and data_sha256 go together")
        for path, suffix in ((self.path, SUFFIXES[self.engine]), (self.data_path, ".bin")):
            if path is not None and PurePosixPath(path).suffix.lower() != suffix:
                raise ValueError(f"the file {path!r} of the engine {self.engine} must end in {suffix}")
        if self.engine == "openvino" and self.data_path is None:
            raise ValueError(f"the OpenVINO network {self.path!r} must name its weights in data_path")
        return self

    def parts(self) -> tuple[tuple[str, str], ...]:
        """Every (file name, sha256) this entry stands for."""
        first = ((self.path, self.sha256),)
        if self.data_path is None or self.data_sha256 is None:
            return first
        return (*first, (self.data_path, self.data_sha256))


class InputSpec(_Frozen):
    """What the network wants to see.

    ``accepts`` lists the sets of polarisations that it was trained for, the preferred first. ``clip`` bounds
    the normalised input, which is ``(decibel - mean) / standard deviation``: of the scene, or, for a calibrated scene,
    those that ``reference`` declares for its polarisation, in decibel.

    Where ``missing`` is declared, ``planes`` names the polarisation of each channel, and sets are parts of them: the
    channel of a polarisation that a scene lacks holds this value throughout, outside the clip.
    """

    channels: int = Field(ge=1, le=4)
    accepts: tuple[tuple[str, ...], ...] = Field(min_length=1)
    clip: tuple[float, float]
    normalisation: Literal["scene"] = "scene"
    reference: dict[str, tuple[float, Annotated[float, Field(gt=0)]]] = Field(default_factory=dict)
    missing: float | None = None
    planes: tuple[str, ...] = ()

    @property
    def alone(self) -> tuple[str, ...] | None:
        """The first set of one polarisation, which a band of unknown polarisation is taken as; None without one."""
        return next((accepted for accepted in self.accepts if len(accepted) == 1), None)

    def channels_of(self, polarisations: Sequence[str]) -> tuple[int, ...]:
        """Return the channel of each of a scene's polarisations, which `fit.choose_polarisations` gave."""
        if self.missing is None:
            return tuple(range(self.channels))
        names = self.planes
        return tuple(names.index(name if name in names else (self.alone or names)[0]) for name in polarisations)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.missing is not None and self.clip[0] <= self.missing <= self.clip[1]:
            raise ValueError(f"missing is {self.missing}, expected a value outside the clip {list(self.clip)}")
        if (self.missing is None) != (not self.planes) or len(self.planes) not in {0, self.channels}:
            raise ValueError(f"missing goes with planes, one for each of {self.channels} channels: {list(self.planes)}")
        for names in self.accepts:
            if self.planes and not set(names) <= set(self.planes):
                raise ValueError(f"accepts {list(names)}, which are not among the planes {list(self.planes)}")
            if len(names) != self.channels and not self.planes:
                raise ValueError(f"accepts {list(names)} needs {len(names)} channels, declared are {self.channels}")
            if strange := set(names) - set(POLARISATIONS):
                raise ValueError(f"unknown polarisation {sorted(strange)}; known are {sorted(POLARISATIONS)}")
        if strange := set(self.reference) - set(POLARISATIONS):
            raise ValueError(f"reference for unknown polarisation {sorted(strange)}")
        if not self.clip[0] < self.clip[1]:
            raise ValueError(f"clip {self.clip} must rise")
        return self


class ModelManifest(_Frozen):
    """The whole manifest; unknown keys are refused.

    ``ground_sampling_distance`` is in metres; ``stride`` and ``halo`` in pixels: inputs are multiples of the
    stride, and a pixel at least ``halo`` from the border of the input depends on nothing outside it. ``margin`` is
    what the networks themselves leave out on each side of their input.
    ``despeckles``: a second output holds despeckled backscatter, normalised, of every channel.
    ``architecture`` holds the keyword arguments that rebuild the network in PyTorch.
    """

    format: Literal["geosar-model/1"]
    name: Name
    version: str = Field(min_length=1, max_length=64)
    title: str
    description: str
    inputs: InputSpec
    ground_sampling_distance: float = Field(gt=0)
    stride: int = Field(ge=1, le=1024)
    halo: int = Field(ge=0, le=4096)
    margin: int = Field(default=0, ge=0, le=4096)
    outputs: tuple[str, ...] = OUTPUTS
    despeckles: bool = False
    files: dict[Role, FileSpec] = Field(min_length=1)
    architecture: dict[str, Any] = Field(default_factory=dict)
    licence: str
    credit: tuple[str, ...] = ()
    metrics: dict[str, Any] = Field(default_factory=dict)
    training: dict[str, Any] = Field(default_factory=dict)

    @property
    def precisions(self) -> tuple[str, ...]:
        """The precisions in which the network runs on the CPU."""
        return tuple(role for role in self.files if role in {"int8", "float32"})

    @model_validator(mode="after")
    def _is_usable(self) -> Self:
        if self.outputs != OUTPUTS:
            raise ValueError(f"outputs are {list(self.outputs)}, expected {list(OUTPUTS)}")
        if self.margin > self.halo:
            raise ValueError(f"the margin of {self.margin} pixels is wider than the halo of {self.halo}")
        for role, spec in self.files.items():
            if (role == "weights") != (spec.engine == "safetensors"):
                raise ValueError(
                    f"files.{role} is for the engine {spec.engine!r}; safetensors go under 'weights', networks "
                    "under 'int8' or 'float32'",
                )
            if role == "onnx" and spec.engine != "onnx":
                raise ValueError(f"files.onnx is for the engine {spec.engine!r}; expected onnx")
        return self


def read_manifest(path: Path) -> ModelManifest:
    """Read and check a ``manifest.json``; raises ModelFormatError with every fault found."""
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ModelFormatError(
            f"{path.parent} is not a packaged model: its manifest.json cannot be read ({error.strerror}). "
            "Give a folder or zip that holds a manifest.json.",
        ) from error
    if len(text) > MOST_BYTES:
        raise ModelFormatError(f"{path} has more than {MOST_BYTES // 1024} KiB, which no manifest has.")
    try:
        return ModelManifest.model_validate_json(text)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'manifest'}: {fault['msg']}" for fault in error.errors()
        )
        raise ModelFormatError(
            f"{path} does not describe a {FORMAT} model: {faults}. Package the model again with this version's "
            "tools, or install the version of geosar that it was made for.",
        ) from error
