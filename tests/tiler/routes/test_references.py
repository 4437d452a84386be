"""Several files as one scene, true optical images to compare with, and what a layer's values are."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image
from starlette.testclient import TestClient

from geosar_tiler.tiles.histogram_legend_routes import count
from helpers.rasters import speckled
from helpers.service import MakeRaster, picture, problem, services_of, wait


def ready(client: TestClient, scene_id: str) -> dict[str, Any]:
    return wait(client, f"/scenes/{scene_id}", lambda answer: (answer["reference"] or {}).get("state") != "preparing")


def test_two_files_of_a_form_are_one_scene(client: TestClient, make_raster: MakeRaster) -> None:
    vv, vh = 10 * np.log10(speckled((90, 70), seed=51)), 10 * np.log10(speckled((90, 70), seed=52) / 6)
    first, second = make_raster("a_db.tif", vv), make_raster("b_db.tif", vh)
    parts = {"VV": (first.name, first.read_bytes()), "VH": (second.name, second.read_bytes())}
    answer = client.post("/scenes?name=Both", files=parts)
    assert answer.status_code == 201, answer.text
    scene = answer.json()
    assert scene["description"]["polarisations"] == ["VV", "VH"]
    assert [one["filename"] for one in scene["files"]] == ["a_db.tif", "b_db.tif"]
    here = f"/scenes/{scene['id']}"
    assert client.get(f"{here}/download?polarisation=vh").content == second.read_bytes()
    problem(client.get(f"{here}/download?polarisation=HH"), 404)
    wait(client, here, lambda state: state["display"]["state"] == "ready")
    west, south, east, north = scene["bbox"]
    values = client.get(f"{here}/sar/point/{(west + east) / 2},{(south + north) / 2}").json()["values"]
    with rasterio.open(first) as dataset:
        (x,), (y,) = rasterio.warp.transform("EPSG:4326", dataset.crs, [(west + east) / 2], [(south + north) / 2])
        row, col = dataset.index(x, y)
    assert values == pytest.approx([vv[row, col], vh[row, col]], abs=0.006)
    order = {"inputs": {"scene": scene["id"]}}
    assert client.post("/processes/translate/execution", json=order).status_code == 200
    live, optical = (picture(client.get(f"{here}/{layer}/preview.png")) for layer in ("live", "optical"))
    assert (np.abs(live.astype(int) - optical) <= 2).all()
    # The same two under other names are the same scene, in whatever order.
    swapped = [("files", ("x_VH.tif", second.read_bytes())), ("files", ("x_VV.tif", first.read_bytes()))]
    again = client.post("/scenes", files=swapped)
    assert (again.status_code, again.json()["id"]) == (200, scene["id"])
    client.delete(here)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("a.tif", "b.tif"), "does not say which polarisation"),
        (("a_VV.tif", "b_VV.tif"), "are both VV"),
        (("a_VV_VH.tif", "b_VV.tif"), "does not say which polarisation"),
        (("a_VV.tif", "b_VH.tif", "c_HH.tif", "d_HV.tif", "e_VV.tif"), "more than 4"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(
    client: TestClient, make_raster: MakeRaster, names: tuple[str, ...], says: str
) -> None:
    data = make_raster("x.tif", speckled((40, 40), seed=53)).read_bytes()
    answer = client.post("/scenes", files=[("file", (name, data + name.encode())) for name in names])
    assert says in problem(answer, 422)


def test_files_on_other_grids_are_no_scene(client: TestClient, make_raster: MakeRaster) -> None:
    first = make_raster("a_VV.tif", speckled((40, 40), seed=54)).read_bytes()
    second = make_raster("b_VH.tif", speckled((40, 50), seed=54)).read_bytes()
    answer = client.post("/scenes", files={"VV": ("a.tif", first), "VH": ("b.tif", second)})
    assert "another grid" in problem(answer, 422)


def test_a_reference_is_a_layer_of_the_scene(
    client: TestClient, scene: dict[str, Any], make_raster: MakeRaster
) -> None:
    here = f"/scenes/{scene['id']}"
    problem(client.get(f"{here}/reference/preview.png"), 404)
    problem(client.delete(f"{here}/reference"), 404)
    colours = np.zeros((3, 600, 700), np.uint8)
    colours[0], colours[1], colours[2] = 200, 100, 50
    path = make_raster("optical.tif", colours, photometric="RGB")
    answer = client.put(f"{here}/reference?filename=optical.tif", content=path.read_bytes())
    assert answer.status_code == 202, answer.text
    assert answer.json()["reference"]["state"] == "preparing"
    reference = ready(client, scene["id"])
    assert reference["reference"] == {
        "state": "ready", "message": "", "filename": "optical.tif", "size": path.stat().st_size
    }  # fmt: skip
    assert "reference" in reference["layers"]
    west, south, east, north = scene["bbox"]
    point = client.get(f"{here}/reference/point/{(west + east) / 2},{(south + north) / 2}").json()
    assert point["values"] == [200, 100, 50]
    assert client.get(f"{here}/reference/tilejson.json").json()["synthetic"] is False
    before = client.get(f"{here}/reference/preview.png").headers["etag"]

    # A picture without place takes the scene's; it replaces what was there.
    out = io.BytesIO()
    Image.fromarray(np.moveaxis(colours[::-1], 0, -1)).save(out, "PNG")
    assert client.put(f"{here}/reference", files={"file": ("p.png", out.getvalue())}).status_code == 202
    assert ready(client, scene["id"])["reference"]["filename"] == "p.png"
    point = client.get(f"{here}/reference/point/{(west + east) / 2},{(south + north) / 2}").json()
    assert point["values"] == [50, 100, 200]
    assert client.get(f"{here}/reference/preview.png").headers["etag"] != before
    assert client.delete(f"{here}/reference").status_code == 204
    assert client.get(here).json()["reference"] is None
    assert not (services_of(client).store.root / "scenes" / scene["id"] / "reference").exists()


def test_sixteen_bits_of_reflectance_are_stretched(
    client: TestClient, scene: dict[str, Any], make_raster: MakeRaster
) -> None:
    ramp = np.linspace(300, 4300, 700).astype(np.uint16)
    values = np.stack([np.tile(ramp, (600, 1)), np.full((600, 700), 900, np.uint16), np.tile(ramp[::-1], (600, 1))])
    path = make_raster("s2.tif", values, descriptions=("B02", "B03", "B04"))  # blue comes first
    assert client.put(f"/scenes/{scene['id']}/reference", content=path.read_bytes()).status_code == 202
    assert ready(client, scene["id"])["reference"]["state"] == "ready"
    shown = picture(client.get(f"/scenes/{scene['id']}/reference/preview.png?max_size=700"))
    assert shown[300, 5, :3].tolist() == [255, 0, 0]  # red falls from left to right
    assert shown[300, 695, :3].tolist() == [0, 0, 255]
    client.delete(f"/scenes/{scene['id']}/reference")


def test_a_picture_of_elsewhere_is_no_reference(
    client: TestClient, scene: dict[str, Any], make_raster: MakeRaster
) -> None:
    here = f"/scenes/{scene['id']}/reference"
    colours = np.full((3, 40, 50), 9, np.uint8)
    away = make_raster("away.tif", colours, transform=rasterio.Affine(10, 0, 200000, 0, -10, 800000))
    assert "beside the scene's" in problem(client.put(here, content=away.read_bytes()), 422)
    plain = make_raster("plain.png", colours, driver="PNG", crs=None, transform=None)
    assert "700 x 600" in problem(client.put(here, content=plain.read_bytes()), 422)
    problem(client.put(here, content=b"II*\0" + bytes(50)), 422)
    problem(client.put(here, content=b"<VRTDataset>"), 415)
    problem(client.put("/scenes/nowhere/reference", content=away.read_bytes()), 404)
    assert client.get(f"/scenes/{scene['id']}").json()["reference"] is None


def test_histograms_count_every_valid_pixel(client: TestClient, scene: dict[str, Any], job: dict[str, Any]) -> None:
    assert job["status"] == "successful"
    here = f"/scenes/{scene['id']}"
    described = client.get(f"{here}/sar/histogram?bins=50").json()["bands"]
    assert [(one["name"], one["unit"]) for one in described] == [("VV", "dB"), ("VH", "dB")]
    for band, figures in zip(described, scene["description"]["statistics"].values(), strict=True):
        assert (len(band["edges"]), len(band["counts"])) == (51, 50)
        assert sum(band["counts"]) == 700 * 600 - 80 * 120 - 30 * 50
        assert band["range"] == [figures["p02"], figures["p98"]]
        middles = (np.array(band["edges"][1:]) + band["edges"][:-1]) / 2
        mean = np.average(middles, weights=band["counts"])
        assert mean == pytest.approx(figures["mean"], abs=0.2)
    for layer, names in (
        ("optical", ["red", "green", "blue"]),
        ("error", ["error"]),
        ("live", ["red", "green", "blue", "error"]),
    ):
        bands = client.get(f"{here}/{layer}/histogram").json()["bands"]
        assert [one["name"] for one in bands] == names
        assert (bands[0]["edges"][0], bands[0]["edges"][-1]) == (0, 256)
    one = client.get(f"{here}/sar/histogram?bidx=2").json()["bands"]
    assert [band["name"] for band in one] == ["VH"]
    problem(client.get(f"{here}/sar/histogram?bins=1"), 422)
    problem(client.get(f"{here}/sar/histogram?bidx=3"), 422)


def test_a_histogram_has_no_gaps() -> None:
    empty = count(np.ma.masked_all((3, 3), np.float32), 4)
    assert (sum(empty["counts"]), len(empty["edges"])) == (0, 5)
    same = count(np.ma.array([2.0, 2.0, np.nan]), 4)
    assert sum(same["counts"]) == 2
    wild = count(np.ma.array([*np.linspace(0, 1, 10_000), 1e9]), 10)
    assert sum(wild["counts"]) == 10_001
    assert wild["edges"][-1] < 2


def test_legends_say_what_colours_mean(client: TestClient, scene: dict[str, Any], job: dict[str, Any]) -> None:
    assert job["status"] == "successful"
    here = f"/scenes/{scene['id']}"
    for layer in ("sar", "optical", "error", "live"):
        drawn = picture(client.get(f"{here}/{layer}/legend.png"))
        assert drawn.shape[1] == 256
        assert len(np.unique(drawn[..., :3].reshape(-1, 3), axis=0)) > 5
    response = client.get(f"{here}/sar/legend.png?rescale=-25,0&colormap_name=viridis")
    assert response.headers["x-geosar-legend"] == "-25 to 0 dB"
    colours = picture(response)
    row = colours[np.argmax(np.ptp(colours[:, 4:-4, :3].astype(int), axis=(1, 2)) > 200)]
    bar = colours[-25]
    assert bar[6, :3].tolist() == pytest.approx([68, 1, 84], abs=6)  # viridis begins there
    assert bar[-7, :3].tolist() == pytest.approx([253, 231, 37], abs=6)  # and ends there
    assert row.size
    assert picture(client.get(f"{here}/sar/legend.png?composite=true")).shape[1] == 256
    problem(client.get(f"{here}/sar/legend.png?expression=b1/b2"), 422)


def test_scenes_are_sorted_as_asked(client: TestClient, scene: dict[str, Any], make_raster: MakeRaster) -> None:
    sent = []
    for number, name in enumerate(("Zebra", "alpha")):
        data = make_raster(f"sort{number}_VV_db.tif", 10 * np.log10(speckled((40, 40), seed=60 + number))).read_bytes()
        sent.append(client.post(f"/scenes?filename=sort{number}_VV_db.tif&name={name}", content=data).json()["id"])

    def order(query: str) -> list[str]:
        return [scenes["id"] for scenes in client.get(f"/scenes?q=sort&{query}").json()["scenes"]]

    assert order("") == order("sort=-created") == sent[::-1]
    assert order("sort=created") == sent
    assert order("sort=name") == sent[::-1]
    assert order("sort=-name") == sent
    assert order("sort=-acquired") == sent[::-1]
    problem(client.get("/scenes?sort=size"), 422)
    for one in sent:
        client.delete(f"/scenes/{one}")
    assert Path(services_of(client).store.root).is_dir()
    assert scene["id"]
