"""What the process "translate" takes and gives, as OGC API - Processes describes it."""

from typing import Any, Literal

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

from geosar.display import DESPECKLED_TITLE, ERROR_FILE_TITLE, QUICKLOOK_TITLE, SYNTHETIC_TITLE
from geosar.vocabulary import Compression
from geosar_tiler.crs import CRS84
from geosar_tiler.errors import NotFoundError
from geosar_tiler.routes import links
from geosar_tiler.services import Services
from geosar_tiler.state.states import Process
from geosar_tiler.words import Body, CompressionName

EXCEPTIONS = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0"
MEDIA = {
    "optical": links.COG,
    "error": links.COG,
    "despeckled": links.COG,
    "quicklook": "image/png",
    "stac": links.GEOJSON,
}
TITLES = {
    "optical": SYNTHETIC_TITLE,
    "error": ERROR_FILE_TITLE,
    "despeckled": DESPECKLED_TITLE,
    "quicklook": QUICKLOOK_TITLE,
    "stac": "STAC item",
}
OutputName = Literal["optical", "error", "despeckled", "quicklook", "stac"]


class NoSuchProcessError(NotFoundError):
    """There is no process of that name."""

    kind = f"{EXCEPTIONS}/no-such-process"


class Box(BaseModel):
    """A bounding box as OGC API - Processes has it; without CRS, longitude and latitude."""

    model_config = ConfigDict(extra="forbid")

    bbox: tuple[float, float, float, float] = Field(description="Left, bottom, right, top.")
    crs: str = CRS84


class Inputs(BaseModel):
    """What "translate" takes."""

    model_config = ConfigDict(extra="forbid")

    scene: str = Field(description="Identifier of a scene, from POST /scenes.", max_length=100)
    model: str | None = Field(None, description="Name of a model, as GET /models lists them.", max_length=100)
    bbox: Box | tuple[float, float, float, float] | None = Field(None, description="Translate this part alone.")
    precision: Literal["int8", "float32"] | None = Field(None, description="Default: int8 on a CPU, else float32.")
    error_band: bool = Field(True, description="Also make the expected error, for the layer error.")
    compress: CompressionName = Field(Compression.ZSTD.value, description="Compression of the COG.")
    resample_to_model: bool = Field(False, description="Bring the scene to the pixel size that the model knows.")
    despeckled: bool = Field(
        False, description="Also make the radar without its speckle, for the layer despeckled; not every model does."
    )
    match: bool = Field(False, description="Bring the tone to that of the scene's true optical image.")
    radiometric: bool = Field(
        False,
        description="Correct brightness for slopes too (gamma0, flattened), where the scene is terrain-corrected.",
    )


class Output(BaseModel):
    """How a result is wanted; it comes by reference."""

    transmissionMode: Literal["reference"] = "reference"  # noqa: N815 - OGC's name


class Execute(Body):
    """Body of an execution request. Further members that OGC defines are accepted and have no effect."""

    inputs: Inputs
    outputs: dict[OutputName, Output] | None = Field(None, description="Results that the answer names; default: all.")
    response: Literal["raw", "document"] = "document"


def check_known(process_id: str) -> None:
    """Raise NoSuchProcessError for all names but one."""
    if process_id != Process.TRANSLATE:
        raise NoSuchProcessError(
            f"there is no process {process_id!r}; the one that there is is {str(Process.TRANSLATE)!r}."
        )


def summary(request: Request) -> dict[str, Any]:
    """Return OGC's processSummary."""
    here = f"processes/{Process.TRANSLATE}"
    return {
        "id": Process.TRANSLATE,
        "version": "1.0.0",
        "title": "Translate SAR to a synthetic optical image",
        "description": "Makes an optical-looking Cloud-Optimized GeoTIFF of a SAR scene; not an observation.",
        "jobControlOptions": ["sync-execute", "async-execute", "dismiss"],
        "outputTransmission": ["reference"],
        "links": [
            links.link(links.url(request, here), "self"),
            links.link(links.url(request, f"{here}/execution"), "http://www.opengis.net/def/rel/ogc/1.0/execute"),
        ],
    }


def description(request: Request, services: Services) -> dict[str, Any]:
    """Return OGC's process: inputs and outputs with their schemas."""
    schema = Inputs.model_json_schema()
    definitions = schema.get("$defs", {})
    required = set(schema["required"])
    inputs = {}
    for name, value in schema["properties"].items():
        plain = openapi(value, definitions)
        if name == "model":
            plain = {
                "type": "string",
                "enum": services.models.names(),
                "default": services.settings.model_name,
            }
        inputs[name] = {
            "title": name,
            "description": value.get("description", name),
            "minOccurs": int(name in required),
            "maxOccurs": 1,
            "schema": plain,
        }
    outputs = {
        name: {"title": title, "schema": {"type": "string", "format": "uri", "contentMediaType": MEDIA[name]}}
        for name, title in TITLES.items()
    }
    return {**summary(request), "inputs": inputs, "outputs": outputs}


def openapi(schema: Any, definitions: dict[str, Any]) -> Any:
    """Turn pydantic's JSON schema into the dialect of OpenAPI 3.0 that OGC wants, standing by itself.

    References are replaced by what they name; ``null`` becomes ``nullable``; a tuple becomes an array of one type.

    >>> openapi({"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}, {})
    {'type': 'string', 'nullable': True}
    """
    if isinstance(schema, list):
        return [openapi(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return openapi(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    simple = dict(schema)
    if simple.get("default", simple) is None:
        del simple["default"]
    items = simple.pop("prefixItems", None)
    if items is not None:
        simple["items"] = items[0]
    choices = [one for one in simple.pop("anyOf", []) if one != {"type": "null"}]
    nullable = {"nullable": True} if "anyOf" in schema and {"type": "null"} in schema["anyOf"] else {}
    if len(choices) == 1:
        simple = {**simple, **choices[0]}
    elif choices:
        simple["oneOf"] = choices
    return {key: openapi(one, definitions) for key, one in simple.items()} | nullable
