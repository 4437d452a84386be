"""Tags and STAC items: what they say, what they must not say, and whether pystac accepts them."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import pytest
import rasterio
from affine import Affine
from pystac.extensions.projection import ProjectionExtension
from pystac.extensions.raster import RasterExtension
from rasterio.crs import CRS

from geosar.provenance import Provenance, public_url, source_name, stac_item, tags
from helpers.rasters.cog_images import grid_of, smooth_image, write_image

SHA = "ab" * 32
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def provenance(**changes: Any) -> Provenance:
    values: dict[str, Any] = {
        "source": "/home/somebody/data/S1A_scene.tif",
        "unit": "db",
        "polarisations": ("VV", "VH"),
        "model": "unet",
        "model_version": "1.2",
        "model_sha256": SHA,
        "acquired": datetime(2020, 11, 5, 17, 30, tzinfo=UTC),
        "notes": ("Unit db, inferred from /home/somebody/data/S1A_scene.tif.",),
    }
    return Provenance(**(values | changes))


@pytest.fixture
def cog(tmp_path: Path) -> Path:
    return write_image(tmp_path / "colours.tif", smooth_image(300, 200), tags=tags(provenance()))


def test_tags_say_in_plain_words_that_the_image_is_synthetic() -> None:
    read_back = tags(provenance())
    assert read_back["TIFFTAG_IMAGEDESCRIPTION"] == (
        "Synthetic optical image made from SAR by model unet 1.2; not an observation"
    )
    assert read_back["TIFFTAG_SOFTWARE"].startswith("geosar ")
    assert {key: value for key, value in read_back.items() if key.startswith("GEOSAR_")} == {
        "GEOSAR_SYNTHETIC": "YES",
        "GEOSAR_MODEL": "unet 1.2",
        "GEOSAR_MODEL_SHA256": SHA,
        "GEOSAR_SOURCE": "S1A_scene.tif",
        "GEOSAR_SOURCE_UNIT": "db",
        "GEOSAR_POLARISATION": "VV,VH",
        "GEOSAR_SOURCE_ACQUIRED": "2020-11-05T17:30:00Z",
        "GEOSAR_NOTES": "Unit db, inferred from S1A_scene.tif.",
    }


def test_the_error_band_says_what_it_is() -> None:
    description = tags(provenance(), "error")["TIFFTAG_IMAGEDESCRIPTION"]
    assert description.startswith("Expected absolute error (0 to 255) of a synthetic optical image made from SAR")
    assert description.endswith("not an observation")


def test_tags_survive_in_the_file(cog: Path) -> None:
    with rasterio.open(cog) as dataset:
        assert dataset.tags() == {**tags(provenance()), "AREA_OR_POINT": "Area"}


@pytest.mark.parametrize(
    ("source", "name", "url"),
    [
        ("/data/a/b.tif", "b.tif", None),
        ("C:\\data\\b.tif", "b.tif", None),
        ("/data/S1A_IW_GRDH.SAFE/", "S1A_IW_GRDH.SAFE", None),
        ("https://user:secret@host.org:8080/a/b.tif?token=secret#x", "b.tif", "https://host.org:8080/a/b.tif"),
        ("/vsicurl/https://u:secret@host.org/a.tif?sig=secret", "a.tif", "https://host.org/a.tif"),
        ("s3://bucket/folder/a.tif", "a.tif", "s3://bucket/folder/a.tif"),
        ("/vsis3/bucket/folder/a.tif", "a.tif", None),
        ("/data/vv.tif, /data/vh.tif", "vv.tif, vh.tif", None),
        ("https://u:secret@host.org/vv.tif, https://host.org/vh.tif?secret", "vv.tif, vh.tif", None),
        ("/", "unknown", None),
    ],
)
def test_of_a_source_its_name_is_told_but_no_folder_and_no_secret(source: str, name: str, url: str | None) -> None:
    assert source_name(source) == name
    assert public_url(source) == url


def validated(item: dict[str, Any]) -> pystac.Item:
    read_back = json.loads(json.dumps(item))
    # The schema of the core comes with pystac; those of the extensions would have to be fetched.
    pystac.Item.from_dict({**read_back, "stac_extensions": []}).validate()
    return pystac.Item.from_dict(read_back)


def test_an_item_is_valid_and_its_extensions_read_back(cog: Path) -> None:
    stac = stac_item(cog, provenance(), error_band="x/colours.error.tif", quicklook="x/colours.png", created=NOW)
    item = validated(stac)
    assert item.id == "colours"
    assert item.datetime == datetime(2020, 11, 5, 17, 30, tzinfo=UTC)
    projection = ProjectionExtension.ext(item)
    assert projection.code == "EPSG:32633"
    assert projection.shape == [200, 300]
    assert projection.transform == [10, 0, 399960.1, 0, -10, 5200020.7]
    assert projection.bbox == pytest.approx([399960.1, 5198020.7, 402960.1, 5200020.7])
    assert [band.data_type for band in RasterExtension.ext(item.assets["optical"]).bands or []] == ["uint8"] * 3
    assert stac["properties"]["processing:software"].keys() == {"geosar"}
    assert "not an observation" in stac["properties"]["processing:lineage"]
    assert stac["properties"]["geosar:synthetic"] is True
    assert stac["properties"]["created"] == "2026-01-02T03:04:05Z"
    assert {key: asset.href for key, asset in item.assets.items()} == {
        "optical": "./colours.tif",
        "error": "./colours.error.tif",
        "quicklook": "./colours.png",
    }
    assert item.assets["optical"].media_type == pystac.MediaType.COG
    assert item.bbox is not None
    # 32633 has its central meridian at 15 degrees east; x = 400 to 403 km lies 1.3 degrees west of it.
    assert item.bbox[0] == pytest.approx(13.69, abs=0.01)
    assert item.bbox[1] == pytest.approx(46.93, abs=0.01)
    assert 0.03 < item.bbox[2] - item.bbox[0] < 0.05


def test_a_source_with_a_url_is_linked_without_its_secrets(cog: Path) -> None:
    item = stac_item(cog, provenance(source="https://me:secret@host.org/a.tif?sig=secret", notes=()), created=NOW)
    links = [link for link in item["links"] if link["rel"] == "via"]
    assert [link["href"] for link in links] == ["https://host.org/a.tif"]
    assert "secret" not in json.dumps(item)


def test_nothing_tells_the_folders_of_the_machine(cog: Path) -> None:
    text = json.dumps(stac_item(cog, provenance(), created=NOW)) + json.dumps(tags(provenance()))
    assert "somebody" not in text
    assert str(cog.parent) not in text


def test_notes_on_one_of_several_sources_tell_its_name_alone() -> None:
    notes = ("Nodata of /home/somebody/vh.tif is not declared.",)
    read_back = tags(provenance(source="/home/somebody/vv.tif, /home/somebody/vh.tif", notes=notes))
    assert read_back["GEOSAR_NOTES"] == "Nodata of vh.tif is not declared."


def test_an_unknown_time_of_acquisition_is_said_to_be_unknown(cog: Path) -> None:
    item = stac_item(cog, provenance(acquired=None), created=NOW)
    validated(item)
    assert item["properties"]["datetime"] == "2026-01-02T03:04:05Z"
    assert "when the SAR image was taken is not known" in item["properties"]["description"]
    assert "GEOSAR_SOURCE_ACQUIRED" not in tags(provenance(acquired=None))


def test_times_are_told_in_utc(cog: Path) -> None:
    there = datetime(2020, 11, 5, 9, 30, tzinfo=timezone(timedelta(hours=-8)))
    assert stac_item(cog, provenance(acquired=there), created=NOW)["properties"]["datetime"] == "2020-11-05T17:30:00Z"
    naive = datetime(2020, 11, 5, 17, 30)  # noqa: DTZ001 - as a tag may give it
    assert tags(provenance(acquired=naive))["GEOSAR_SOURCE_ACQUIRED"] == "2020-11-05T17:30:00Z"


def test_without_crs_the_geometry_is_null(tmp_path: Path) -> None:
    grid = grid_of(100, 80, None, Affine.identity())
    item = stac_item(write_image(tmp_path / "a.tif", smooth_image(100, 80), grid=grid), provenance(), created=NOW)
    assert item["geometry"] is None
    assert "bbox" not in item
    assert item["properties"]["proj:code"] is None
    validated(item)


def test_a_crs_of_no_authority_is_told_as_wkt2(tmp_path: Path) -> None:
    crs = CRS.from_proj4("+proj=laea +lat_0=12 +lon_0=34 +x_0=1 +datum=WGS84 +units=m")
    path = tmp_path / "a.tif"
    write_image(path, smooth_image(100, 80), grid=grid_of(100, 80, crs, Affine(100, 0, 0, 0, -100, 0)))
    item = stac_item(path, provenance(), created=NOW)
    validated(item)
    assert item["properties"]["proj:code"] is None
    assert item["properties"]["proj:wkt2"].startswith("PROJCRS[")


def test_an_item_over_the_antimeridian_is_valid(tmp_path: Path) -> None:
    grid = grid_of(100, 80, CRS.from_epsg(4326), Affine(0.01, 0, 179.5, 0, -0.01, 10))
    path = write_image(tmp_path / "a.tif", (np.ones((80, 100, 3), np.uint8), np.ones((80, 100), np.bool_)), grid=grid)
    item = validated(stac_item(path, provenance(), created=NOW))
    assert item.bbox == [179.5, 9.2, -179.5, 10]


def test_a_stac_item_says_what_placed_the_scene_and_how_far_off_it_may_be(cog: Path) -> None:
    placement = {"placement": "control points", "placement_error_metres": 423.96}
    item = validated(stac_item(cog, provenance(**placement), created=NOW)).properties
    assert item["geosar:placement"] == "control points"
    assert item["geosar:placement_error_metres"] == 424.0
    corrected = stac_item(cog, provenance(placement="terrain correction"), created=NOW)["properties"]
    assert corrected["geosar:placement"] == "terrain correction"
    assert "geosar:placement_error_metres" not in corrected
