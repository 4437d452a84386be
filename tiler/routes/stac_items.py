"""Scenes and results as STAC items, with URLs that can be followed from anywhere."""

import json
from typing import Any

from starlette.requests import Request

from geosar.display import DESPECKLED_TITLE, ERROR_COLOURS, ERROR_RANGE, ERROR_TITLE, SYNTHETIC_TITLE
from geosar.provenance import EXTENSIONS
from geosar_tiler.routes import links
from geosar_tiler.scene_options import SceneOptions
from geosar_tiler.services import Services
from geosar_tiler.signatures import signature_of
from geosar_tiler.state import catalogue, readings
from geosar_tiler.state.database import Job, Scene

VERSION = "1.1.0"
RENDER = "https://stac-extensions.github.io/render/v2.0.0/schema.json"
PROJECTION = next(url for url in EXTENSIONS if "/projection/" in url)
PROCESSING = next(url for url in EXTENSIONS if "/processing/" in url)
RASTER = next(url for url in EXTENSIONS if "/raster/" in url)
DECIBEL = "dB"


def scene_item(request: Request, scene: Scene) -> dict[str, Any]:
    """Describe a scene as it was sent."""
    description = scene.description
    signed = signature_of(request, f"scenes/{scene.id}")
    here = f"scenes/{scene.id}"
    crs = str(description["crs"])
    statistics = description["statistics"]
    unit = {} if description["unit"] == "picture" else {"unit": DECIBEL}
    return {
        "type": "Feature",
        "stac_version": VERSION,
        "stac_extensions": [PROJECTION, PROCESSING, RENDER],
        "id": scene.id,
        "collection": "scenes",
        "geometry": scene.geometry,
        "bbox": box_of(scene),
        "properties": {
            "title": scene.name,
            "datetime": catalogue.timestamp(scene.acquired or scene.created),
            "created": catalogue.timestamp(scene.created),
            "proj:shape": [description["height"], description["width"]],
            "proj:transform": description["transform"][:6],
            "proj:bbox": description["bounds"],
            "proj:code": crs if crs.startswith("EPSG:") else None,
            **({} if crs.startswith("EPSG:") else {"proj:wkt2": crs}),
            "processing:lineage": "The scene as it was sent; nothing was changed.",
            "geosar:unit": description["unit"],
            "geosar:polarisations": description["polarisations"],
            "geosar:notes": description["notes"],
            "geosar:stated": SceneOptions.of(catalogue.stated(scene)).words,
            **_placement(description),
            "geosar:synthetic": False,
            "renders": {
                "sar": {
                    "title": "Backscatter, from the 2nd to the 98th percentile",
                    "assets": ["source"],
                    "bidx": [1],
                    "rescale": _stretch(scene, description["polarisations"][:1]),
                },
            },
        },
        "links": [
            *_links(request, "scenes", scene.id),
            links.link(links.url(request, f"{here}/sar/tilejson.json", **signed), "tiles", title="SAR"),
            links.link(links.url(request, f"{here}/live/tilejson.json", **signed), "tiles", title="Synthetic, live"),
        ],
        "assets": {
            "source": {
                "href": links.url(request, f"{here}/download"),
                "title": "The scene as it was sent",
                "roles": ["data"],
                "bands": [{"name": name, "description": f"Backscatter, {name}", **unit} for name in statistics],
            },
            "thumbnail": {
                "href": links.url(request, f"{here}/sar/preview.png", max_size=256, **signed),
                "type": "image/png",
                "roles": ["thumbnail"],
            },
        },
    }


def result_item(request: Request, services: Services, scene: Scene, job: Job) -> dict[str, Any]:
    """Complete the item that the job wrote: URLs, and how the image is shown."""
    files = job.files
    former = readings.words(scene, job)
    scene = readings.of(scene, job)
    item: dict[str, Any] = json.loads((services.store.job(job.id) / files["stac"]).read_text(encoding="utf-8"))
    signed = signature_of(request, f"jobs/{job.id}")
    layers = {
        "optical": {
            "title": SYNTHETIC_TITLE,
            "assets": ["optical"],
            "bidx": [1, 2, 3],
            "rescale": [[0, 255]] * 3,
        },
        "error": {
            "title": ERROR_TITLE,
            "assets": ["error"],
            "bidx": [1],
            "rescale": [list(ERROR_RANGE)],
            "colormap_name": ERROR_COLOURS,
        },
        "despeckled": {
            "title": DESPECKLED_TITLE,
            "assets": ["despeckled"],
            "bidx": [1],
            "rescale": _stretch(scene, (job.report or {})["polarisations"][:1]),
        },
    }
    renders = {name: layer for name, layer in layers.items() if name in files}
    tiles = [
        links.link(
            links.url(request, f"scenes/{scene.id}/{name}/tilejson.json", job=job.id, **signed),
            "tiles",
            title=str(layer["title"]),
        )
        for name, layer in renders.items()
    ]
    assets = {
        name: {**asset, "href": links.url(request, f"jobs/{job.id}/results/{name}", **signed)}
        for name, asset in item["assets"].items()
        if name in files
    }
    done = job.finished or job.created  # as the search has it
    times = {"created": catalogue.timestamp(done), "datetime": catalogue.timestamp(scene.acquired or done)}
    source = links.url(request, f"stac/collections/scenes/items/{scene.id}")
    return {
        **item,
        "id": job.id,
        "collection": "results",
        "stac_extensions": [*item["stac_extensions"], RENDER],
        "properties": {
            **item["properties"], **times, "renders": renders,
            **({} if former is None else {"geosar:former_reading": former}),
        },
        "assets": assets,
        "links": [
            *_links(request, "results", job.id), *tiles, links.link(source, "derived_from", links.GEOJSON)
        ],
    }  # fmt: skip


def _placement(description: dict[str, Any]) -> dict[str, Any]:
    properties = {f"geosar:{key}": description.get(key) for key in ("placement", "placement_error_metres")}
    return {key: value for key, value in properties.items() if value is not None}


def box_of(scene: Scene) -> list[float | None]:
    """West, south, east, north in degrees."""
    return [scene.west, scene.south, scene.east, scene.north]


def _stretch(scene: Scene, polarisations: list[str]) -> list[list[float]]:
    """Return the 2nd and the 98th percentile of the backscatter of each polarisation."""
    figures = list(scene.description["statistics"].values())
    statistics = [figures[scene.description["polarisations"].index(name)] for name in polarisations]
    return [[round(one["p02"], 2), round(one["p98"], 2)] for one in statistics]


def _links(request: Request, collection_id: str, item_id: str) -> list[dict[str, Any]]:
    parent = links.url(request, f"stac/collections/{collection_id}")
    return [
        links.link(f"{parent}/items/{item_id}", "self", links.GEOJSON),
        links.link(links.url(request, "stac"), "root"),
        links.link(parent, "parent"),
        links.link(parent, "collection"),
    ]
