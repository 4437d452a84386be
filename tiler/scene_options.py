"""What a sender says of a scene, in words that are checked: one model for every way to send it, or to change it."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from geosar.errors import UsageError
from geosar.scene.polarisations import parse
from geosar.scene.request import read_bands, read_mask_band, read_nodata
from geosar.vocabulary import POLARISATIONS, Unit, parse_bands
from geosar_tiler.crs import named_crs
from geosar_tiler.words import Body, UnitName

MOST_BANDS = 8
Word = TypeVar("Word")


def _checked(check: Callable[[Word], Word]) -> AfterValidator:
    """Check and write anew what is said; nothing stays nothing."""
    return AfterValidator(lambda value: None if value is None else check(value))


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _as_list(value: Any) -> Any:
    if isinstance(value, Mapping):
        return [f"{name}={band}" for name, band in value.items()]
    return [str(value)] if isinstance(value, str | int) and not isinstance(value, bool) else value


def _as_unit(value: Any) -> Any:
    return Unit.parse(value).value if isinstance(value, str) else value


def _bands(value: list[str]) -> list[str]:
    bands = parse_bands(value)
    if isinstance(bands, str) and bands.upper() in POLARISATIONS:
        raise UsageError(f"{bands!r} is a polarisation and no band; write {bands}=1, or polarisation={bands}")
    read_bands(bands)
    return value


Polarisation = Annotated[
    str | None, StringConstraints(max_length=20), _checked(lambda text: ",".join(parse(str(text))))
]
UnitWord = Annotated[UnitName | None, BeforeValidator(_as_unit)]
Band = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=200)]] | None, Field(max_length=MOST_BANDS),
    BeforeValidator(_as_list), _checked(_bands),
]  # fmt: skip
Fill = Annotated[
    str | None, StringConstraints(max_length=40), BeforeValidator(_as_text),
    _checked(lambda text: str(read_nodata(text))),
]  # fmt: skip
MaskBand = Annotated[
    str | None, StringConstraints(max_length=8), BeforeValidator(_as_text),
    _checked(lambda text: str(read_mask_band(text))),
]  # fmt: skip
CrsName = Annotated[
    str | None, StringConstraints(max_length=100), _checked(lambda text: str(named_crs(text).to_string()))
]


class SceneOptions(Body):
    """What is said of a scene and how it is read, as the options of the command say it; None: nothing is said."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, min_length=1, max_length=200)
    polarisation: Polarisation = Field(None, description="VV, VH, HH or HV, or two with a comma.")
    unit: UnitWord = Field(None, description="Unit of the values, whatever the file says.")
    force: bool = Field(False, description="Take what looks like no SAR scene.")
    band: Band = Field(None, description="Which band is which: VV=1, VH=NAME; or one band, by number or name.")
    nodata: Fill = Field(None, description="The fill value; none: there is no fill.")
    mask_band: MaskBand = Field(None, description="The band that is 0 where nothing was measured; none: no band.")
    crs: CrsName = Field(None, description="The CRS that the scene has, as EPSG:32643, whatever the file says.")
    keep_border: bool = Field(False, description="Take the dark border of a swath or picture for data.")

    @model_validator(mode="before")
    @classmethod
    def _takes_scale_for_unit(cls, value: Any) -> Any:
        """Take `scale`, the name that the command and earlier rows of uploads have, for `unit`."""
        if not isinstance(value, dict) or "scale" not in value:
            return value
        rest = {key: one for key, one in value.items() if key != "scale"}
        if rest.get("unit") not in {None, value["scale"]}:
            raise ValueError("unit and scale say two things; give one of them")
        return {**rest, "unit": value["scale"]}

    @classmethod
    def of(cls, opening: Mapping[str, Any]) -> Self:
        """Return what options of `geosar.open_scene` say, as `opening` gives them."""
        renamed = {"bands": "band", "scale": "unit", "src_crs": "crs"}
        return cls.model_validate({renamed.get(key, key): value for key, value in opening.items()})

    @property
    def opening(self) -> dict[str, Any]:
        """Options of `geosar.open_scene`, those alone of which something is said."""
        options = {
            "polarisation": self.polarisation, "scale": self.unit, "force": self.force or None,
            "bands": parse_bands(self.band or ()), "nodata": self.nodata, "mask_band": self.mask_band,
            "src_crs": self.crs, "keep_border": self.keep_border or None,
        }  # fmt: skip
        return {key: value for key, value in options.items() if value is not None}

    @property
    def words(self) -> dict[str, Any]:
        """What is said of how the scene is read, as JSON has it."""
        return self.model_dump(exclude_defaults=True, exclude={"name"})
