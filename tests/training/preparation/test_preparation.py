"""From GeoTIFFs to pairs: what is matched, cut, looked at, split, refused."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner, Result
from PIL import Image
from rasterio.transform import from_origin

from geosar import open_scene
from geosar.backscatter import Normaliser
from geosar_training.cli import train
from geosar_training.errors import PrepareError
from geosar_training.pairs.crops import Crops
from geosar_training.pairs.pair import CLIP, fit_normalisers, normalised, read_pairs
from geosar_training.preparation.sources import Source, match, place
from geosar_training.settings import from_dict
from helpers.training.laboratory import land, tiny_config

GRID = from_origin(500_000, 4_000_000, 10, 10)


def write(path: Path, values: np.ndarray, transform: Any = GRID, **more: Any) -> Path:
    """Write (bands, H, W) as a GeoTIFF in UTM."""
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", "crs": "EPSG:32633", "transform": transform, "dtype": values.dtype} | more
    with rasterio.open(
        path, "w", count=len(values), height=values.shape[1], width=values.shape[2], **profile
    ) as raster:
        raster.write(values)
    return path


def radar(size: int = 256, seed: int = 0, bands: int = 1) -> np.ndarray:
    """Decibels of smooth land with speckle, (bands, size, size), float32."""
    ground = land(size, seed)
    noise = np.random.default_rng(seed).normal(0, 1.0, (bands, size, size))
    return (-20 + 12 * ground + noise - 6 * np.arange(bands)[:, None, None]).astype(np.float32)


def optical(size: int = 256, seed: int = 0) -> np.ndarray:
    """Colours of the same land, (3, size, size), 8-bit."""
    ground = land(size, seed)
    return np.stack([60 + 120 * ground, 140 - 60 * ground, 70 + 10 * ground]).astype(np.uint8)


@pytest.fixture
def scenes(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders with three scenes of 256 x 256 pixels."""
    for index, name in enumerate(("alps", "bay", "city")):
        write(tmp_path / "s1" / f"{name}_s1_vv_db.tif", radar(seed=index))
        write(tmp_path / "s2" / f"{name}_s2_rgb.tif", optical(seed=index))
    return tmp_path / "s1", tmp_path / "s2"


def prepare(*words: object) -> Result:
    return CliRunner().invoke(train, ["prepare", *map(str, words)])


def refused(result: Result) -> str:
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    return " ".join(result.output.split())


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_two_folders_become_pairs_that_train(scenes: tuple[Path, Path], tmp_path: Path) -> None:
    result = prepare(*scenes, "-o", tmp_path / "pairs", "--size", 64, "--validation", 0.3)
    assert result.exit_code == 0, result.output
    manifest = rows(tmp_path / "pairs" / "manifest.csv")
    assert len(manifest) == 48
    assert {row["split"] for row in manifest} == {"train", "val"}
    assert len({(row["source"], row["split"]) for row in manifest}) == 3  # each scene in one split
    pairs = read_pairs(tmp_path / "pairs")
    crop = Crops(pairs, tiny_config(crop=64), length=4, seed=0)[0]
    assert crop[0].shape == (1, 64, 64)


def test_training_sees_what_inference_sees(scenes: tuple[Path, Path], tmp_path: Path) -> None:
    prepare(*scenes, "-o", tmp_path / "pairs", "--size", 128)
    pair = next(pair for pair in read_pairs(tmp_path / "pairs") if pair.name == "bay_s1_vv_db_001_001")
    seen = normalised(pair, fit_normalisers([pair]))
    with open_scene(scenes[0] / "bay_s1_vv_db.tif") as scene:
        block = scene.read(scene.grid.window)
        whole = Normaliser(scene.unit, scene.statistics, CLIP)(block.values, block.valid)[0]
    assert np.abs(seen - whole[128:, 128:]).max() < 0.5 / 31.75 + 1e-3  # rounding to grey values


def test_the_manifest_says_where_a_tile_lies(scenes: tuple[Path, Path], tmp_path: Path) -> None:
    prepare(*scenes, "-o", tmp_path / "pairs", "--size", 128)
    row = next(row for row in rows(tmp_path / "pairs" / "manifest.csv") if row["name"] == "alps_s1_vv_db_001_000")
    assert [float(row[key]) for key in ("left", "bottom", "right", "top")] == [500_000, 3_997_440, 501_280, 3_998_720]
    assert row["crs"] == "EPSG:32633"
    assert row["polarisation"] == "VV"


def test_blocks_are_split_and_never_patches(tmp_path: Path) -> None:
    sar, rgb = write(tmp_path / "a_sar_db.tif", radar(512)), write(tmp_path / "a_rgb.tif", optical(512))
    result = prepare(sar, rgb, "-o", tmp_path / "pairs", "--size", 64, "--split", "block", "--block", 2)
    assert result.exit_code == 0, result.output
    splits: dict[tuple[int, int], set[str]] = {}
    for row in rows(tmp_path / "pairs" / "manifest.csv"):
        block = tuple(int(part) // 2 for part in row["name"].split("_")[-2:])
        splits.setdefault((block[0], block[1]), set()).add(row["split"])
    assert len(splits) == 16
    assert all(len(split) == 1 for split in splits.values())
    assert {"train", "val"} == set().union(*splits.values())


def test_two_polarisations_are_kept_in_decibels(tmp_path: Path) -> None:
    for name in ("a", "b"):
        path = write(tmp_path / "sar" / f"{name}.tif", radar(128, seed=ord(name), bands=2))
        with rasterio.open(path, "r+") as raster:
            raster.descriptions = ("VV", "VH")
        write(tmp_path / "opt" / f"{name}.tif", optical(128, seed=ord(name)))
    result = prepare(tmp_path / "sar", tmp_path / "opt", "-o", tmp_path / "pairs", "--size", 128, "--validation", 0.5)
    assert result.exit_code == 0, result.output
    pairs = read_pairs(tmp_path / "pairs", polarisations=("VH", "VV"))
    assert [pair.sar.shape for pair in pairs] == [(2, 128, 128)] * 2
    expected = radar(128, seed=ord("a"), bands=2)[::-1]
    assert np.abs(pairs[0].sar - expected).max() < 0.006
    config = from_dict({"method": "fusion", "crop": 64, "polarisations": ["VV", "VH"]})
    assert Crops(pairs, config, length=1, seed=0)[0][0].shape == (2, 64, 64)


def test_wider_optical_values_are_stretched_by_the_scenes_quantile(tmp_path: Path) -> None:
    sar = write(tmp_path / "a_sar_db.tif", radar(256))
    reflectance = (optical(256).astype(np.uint16) * 20).astype(np.uint16)
    rgb = write(tmp_path / "a_rgb.tif", reflectance)
    prepare(sar, rgb, "-o", tmp_path / "pairs", "--size", 64, "--split", "block", "--block", 1)
    pairs = read_pairs(tmp_path / "pairs")
    white = np.quantile(optical(256), 0.99)
    brightest = max(float(np.quantile(pair.optical, 0.99)) for pair in pairs)
    assert brightest <= 255
    together = np.concatenate([pair.optical.ravel() for pair in pairs])
    assert np.quantile(together, 0.99) == pytest.approx(255, abs=4)
    assert together.mean() == pytest.approx(optical(256).mean() * 255 / white, abs=4)


def test_an_optical_image_on_another_grid_is_resampled_when_asked(tmp_path: Path) -> None:
    sar = write(tmp_path / "a_sar_db.tif", radar(256))
    fine = np.repeat(np.repeat(optical(256), 2, axis=1), 2, axis=2)
    rgb = write(tmp_path / "a_rgb.tif", fine, transform=from_origin(500_000, 4_000_000, 5, 5))
    words = (sar, rgb, "-o", tmp_path / "pairs", "--size", 64, "--split", "block", "--block", 1)
    assert "does not lie on the radar's grid: it has 512 x 512 pixels" in refused(prepare(*words))
    assert not (tmp_path / "pairs").exists()
    assert prepare(*words, "--resample").exit_code == 0
    pair = next(pair for pair in read_pairs(tmp_path / "pairs") if pair.name.endswith("001_001"))
    expected = np.moveaxis(optical(256), 0, -1)[64:128, 64:128].astype(float)
    assert np.abs(pair.optical - expected).mean() < 2


def test_tiles_without_data_clouds_and_duplicates_are_left_out_by_name(tmp_path: Path) -> None:
    values, colours = radar(256), optical(256)
    values[:, :64, :64] = np.nan
    colours[:, 64:128, 64:128] = 250
    values[:, 192:, 192:], colours[:, 192:, 192:] = values[:, 192:, :64], colours[:, 192:, :64]
    sar, rgb = write(tmp_path / "a_sar_db.tif", values), write(tmp_path / "a_rgb.tif", colours)
    result = prepare(sar, rgb, "-o", tmp_path / "pairs", "--size", 64, "--split", "block", "--block", 1)
    assert result.exit_code == 0, result.output
    reasons = {row["name"]: row["reason"] for row in rows(tmp_path / "pairs" / "dropped.csv")}
    assert reasons == {
        "a_sar_db_000_000": "no data: 100.0% of it",
        "a_sar_db_001_001": "clouds or snow: 100% of it",
        "a_sar_db_003_003": "duplicate: of a_sar_db_003_000",
    }
    assert "| no data | 1 |" in (tmp_path / "pairs" / "report.md").read_text()


def test_a_tile_with_some_data_gets_a_mask(tmp_path: Path) -> None:
    values = radar(128)
    values[:, :10, :10] = np.nan
    sar, rgb = write(tmp_path / "a_sar_db.tif", values), write(tmp_path / "a_rgb.tif", optical(128))
    words = ("--size", 64, "--split", "block", "--block", 1, "--minimum-valid", 0.5)
    assert prepare(sar, rgb, "-o", tmp_path / "pairs", *words).exit_code == 0
    pair = next(pair for pair in read_pairs(tmp_path / "pairs") if pair.name.endswith("000_000"))
    assert pair.valid is not None
    assert not pair.mask[:10, :10].any()
    assert pair.mask[10:, 10:].all()
    assert not normalised(pair, fit_normalisers([pair]))[:10, :10].any()


def test_a_scene_that_lies_off_is_told(tmp_path: Path) -> None:
    size = 512
    random = np.random.default_rng(0)
    fields = random.uniform(0, 1, (size // 16, size // 16)).repeat(16, 0).repeat(16, 1)
    values = (-20 + 10 * fields + random.normal(0, 1.0, fields.shape)).astype(np.float32)[None]
    colours = np.roll((60 + 150 * fields).astype(np.uint8), (3, -4), axis=(0, 1))[None].repeat(3, 0)
    sar, rgb = write(tmp_path / "a_sar_db.tif", values), write(tmp_path / "a_rgb.tif", colours)
    result = prepare(sar, rgb, "-o", tmp_path / "pairs", "--size", 128, "--split", "block", "--block", 1)
    assert "the optical image lies +3 rows and -4 columns off" in result.output
    assert "5 to 8 ####" in result.output  # the length of (3, -4) is 5


def test_an_optical_image_of_another_place_is_told(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    fields = random.uniform(0, 1, (16, 16)).repeat(16, 0).repeat(16, 1)
    others = random.uniform(0, 1, fields.shape)  # with borders where fields have theirs, a shift by a field would agree
    for name, seen in (("right", fields), ("wrong", others)):
        values = (-20 + 10 * fields + random.normal(0, 1.0, fields.shape)).astype(np.float32)[None]
        write(tmp_path / f"s1/{name}_s1_db.tif", values)
        write(tmp_path / f"s2/{name}_s2.tif", (60 + 150 * seen).astype(np.uint8)[None].repeat(3, 0))
    result = prepare(tmp_path / "s1", tmp_path / "s2", "-o", tmp_path / "pairs", "--size", 128)
    text = " ".join(result.output.split())
    assert "In **wrong_s1_db** no shift makes radar and optical image agree" in text
    assert "the optical image is of another place" in text


def _spoil_sar(folder: Path) -> None:
    (folder / "s1" / "bay_s1_vv_db.tif").write_bytes(b"not a raster")


def _spoil_optical(folder: Path) -> None:
    (folder / "s2" / "bay_s2_rgb.tif").write_bytes(b"not a raster")


def _other_crs(folder: Path) -> None:
    write(folder / "s2" / "bay_s2_rgb.tif", optical(), crs="EPSG:32634")


def _half_a_pixel(folder: Path) -> None:
    write(folder / "s2" / "bay_s2_rgb.tif", optical(), transform=from_origin(500_005, 4_000_000, 10, 10))


def _small(folder: Path) -> None:
    write(folder / "s1" / "bay_s1_vv_db.tif", radar(40))
    write(folder / "s2" / "bay_s2_rgb.tif", optical(40))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_spoil_sar, "bay_s1_vv_db.tif"),
        (_spoil_optical, "bay_s2_rgb.tif cannot be read as an optical image"),
        (_other_crs, "its CRS is EPSG:32634, the radar's EPSG:32633"),
        (_half_a_pixel, "their pixels lie up to 0.50 pixels apart"),
        (_small, "40 x 40 pixels, less than a tile of 64"),
    ],
)
def test_a_bad_scene_is_named_with_the_reason_and_the_others_are_used(
    scenes: tuple[Path, Path], tmp_path: Path, spoil: Callable[[Path], None], says: str
) -> None:
    spoil(tmp_path)
    message = refused(prepare(*scenes, "-o", tmp_path / "pairs", "--size", 64, "--strict"))
    assert "bay_s1_vv_db: " in message
    assert says in message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s1", "s2"]  # nothing half-done

    result = prepare(*scenes, "-o", tmp_path / "pairs", "--size", 64)
    assert result.exit_code == 0, result.output
    assert "1 scene could not be used" in result.stderr
    assert {row["source"] for row in rows(tmp_path / "pairs/manifest.csv")} == {"alps_s1_vv_db", "city_s1_vv_db"}
    (dropped,) = rows(tmp_path / "pairs/dropped.csv")
    assert dropped["name"] == "bay_s1_vv_db"
    assert says in dropped["reason"]
    assert says in (tmp_path / "pairs/report.md").read_text()
    images = {path.stem[:3] for path in (tmp_path / "pairs").glob("*/*.png")}
    assert images == {"alp", "cit"}  # of the bad one nothing is left


def test_a_scene_that_breaks_off_leaves_nothing(scenes: tuple[Path, Path], tmp_path: Path) -> None:
    path = scenes[0] / "bay_s1_vv_db.tif"
    write(path, radar(256, seed=1), compress="deflate", tiled=True, blockxsize=64, blockysize=64)
    path.write_bytes(path.read_bytes()[:-12_000])  # its last tile is cut off
    result = prepare(*scenes, "-o", tmp_path / "pairs", "--size", 64)
    assert result.exit_code == 0, result.output
    assert {path.stem[:3] for path in (tmp_path / "pairs").glob("*/*.png")} == {"alp", "cit"}
    assert [row["name"] for row in rows(tmp_path / "pairs/dropped.csv")] == ["bay_s1_vv_db"]


def test_scenes_without_partner_are_named(scenes: tuple[Path, Path], tmp_path: Path) -> None:
    (scenes[1] / "city_s2_rgb.tif").unlink()
    message = refused(prepare(*scenes, "-o", tmp_path / "pairs", "--strict"))
    assert "city_s1_vv_db: it has no partner in the other folder" in message
    assert prepare(*scenes, "-o", tmp_path / "pairs", "--size", 64).exit_code == 0
    for name in ("alps", "bay"):
        (scenes[1] / f"{name}_s2_rgb.tif").unlink()
    write(scenes[1] / "rome.tif", optical(64))
    assert "rome.tif" in refused(prepare(*scenes, "-o", tmp_path / "none"))


@pytest.mark.parametrize(
    ("names", "bands"),
    [
        (["B01", "B02", "B03", "B04", "B05"], (4, 3, 2)),
        (["Band 4 - Red", "Band 3 - Green", "Band 2 - Blue"], (1, 2, 3)),
        (["SR_B2", "SR_B3", "SR_B4", "SR_B5"], (3, 2, 1)),
        (["blue", "green", "red", "nir"], (3, 2, 1)),
        (["B1 blue", "B2 green", "B3 red", "B4 nir"], (3, 2, 1)),
    ],
)
def test_colours_are_taken_by_name(tmp_path: Path, names: list[str], bands: tuple[int, ...]) -> None:
    sar = write(tmp_path / "a_sar_db.tif", radar(128))
    stack = np.stack([np.full((128, 128), 1000 * number, np.uint16) for number in range(1, len(names) + 1)])
    rgb = write(tmp_path / "a_rgb.tif", stack)
    with rasterio.open(rgb, "r+") as raster:
        raster.descriptions = names
    result = prepare(sar, rgb, "-o", tmp_path / "p", "--size", 64, "--split", "block", "--block", 1)
    assert result.exit_code == 0, result.output
    (pair, *_) = read_pairs(tmp_path / "p")
    assert list(pair.optical[0, 0] / pair.optical.max()) == pytest.approx(np.array(bands) / max(bands), abs=0.01)
    assert ", ".join(f"{band} ({names[band - 1]})" for band in bands) in (tmp_path / "p/report.md").read_text()


def test_colours_are_asked_for_where_nothing_says_them(tmp_path: Path) -> None:
    sar = write(tmp_path / "a_sar_db.tif", radar(128))
    rgb = write(tmp_path / "a_rgb.tif", np.concatenate([optical(128)] * 4).astype(np.uint16))
    command = (sar, rgb, "-o", tmp_path / "p", "--size", 64, "--split", "block", "--block", 1)
    assert "nothing says which are red, green and blue. Say it: --bands 4,3,2" in refused(prepare(*command))
    assert prepare(*command, "--bands", "4,3,2").exit_code == 0


def test_a_sheet_shows_radar_beside_optical(scenes: tuple[Path, Path], tmp_path: Path) -> None:
    assert prepare(*scenes, "-o", tmp_path / "pairs", "--size", 128).exit_code == 0
    with Image.open(tmp_path / "pairs/sheet.png") as sheet, Image.open(min(tmp_path.glob("pairs/sar/alps*"))) as first:
        assert sheet.size == (4 * 392 - 8, 3 * 200 - 8)
        assert np.array_equal(np.array(sheet)[:192, :192, 0], np.array(first.resize((192, 192))))


def test_a_list_without_validation_is_said(scenes: tuple[Path, Path], tmp_path: Path) -> None:
    lines = [f"{scenes[0]}/{name}_s1_vv_db.tif,{scenes[1]}/{name}_s2_rgb.tif,train" for name in ("alps", "bay")]
    (tmp_path / "list.csv").write_text("\n".join(["sar,optical,split", *lines]))
    result = prepare(tmp_path / "list.csv", "-o", tmp_path / "pairs", "--size", 64)
    assert "No tile has the split val" in result.stderr


def test_a_folder_with_files_is_not_overwritten(scenes: tuple[Path, Path]) -> None:
    assert "is not empty; give a new folder" in refused(prepare(*scenes, "-o", scenes[0]))


def test_one_scene_cannot_be_split_by_scene(tmp_path: Path) -> None:
    sar, rgb = write(tmp_path / "a_sar_db.tif", radar(128)), write(tmp_path / "a_rgb.tif", optical(128))
    message = refused(prepare(sar, rgb, "-o", tmp_path / "pairs", "--size", 64))
    assert "1 place, which cannot be split; give more scenes, `--split block`" in message


@pytest.mark.usefixtures("scenes")
def test_a_csv_list_says_name_split_and_land_cover(tmp_path: Path) -> None:
    lines = ["sar,optical,name,split,landcover"]
    for name, split in (("alps", "train"), ("bay", "val"), ("city", "test")):
        lines.append(f"s1/{name}_s1_vv_db.tif,s2/{name}_s2_rgb.tif,{name},{split},{name} land")
    (tmp_path / "list.csv").write_text("\n".join(lines))
    assert prepare(tmp_path / "list.csv", "-o", tmp_path / "pairs", "--size", 256).exit_code == 0
    by_source = {row["source"]: (row["split"], row["landcover"]) for row in rows(tmp_path / "pairs" / "manifest.csv")}
    assert by_source == {"alps": ("train", "alps land"), "bay": ("val", "bay land"), "city": ("test", "city land")}


@pytest.mark.usefixtures("scenes")
def test_text_lists_are_matched_line_by_line(tmp_path: Path) -> None:
    for name, folder in (("a.txt", "s1"), ("b.txt", "s2")):
        (tmp_path / name).write_text("\n".join(sorted(str(path) for path in (tmp_path / folder).iterdir())))
    sources = match(tmp_path / "a.txt", tmp_path / "b.txt").sources
    assert [source.optical.name for source in sources] == ["alps_s2_rgb.tif", "bay_s2_rgb.tif", "city_s2_rgb.tif"]
    (tmp_path / "b.txt").write_text("s2/alps_s2_rgb.tif")
    with pytest.raises(PrepareError, match=r"names 3 files, .* 1; expected as many"):
        match(tmp_path / "a.txt", tmp_path / "b.txt")


def test_a_list_with_a_missing_file_names_it(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("sar,optical\na.tif,b.tif\n")
    (scene,) = match(tmp_path / "list.csv", None).unusable
    assert scene.name == "a"
    assert "it lacks " in scene.reason
    assert "b.tif; no such file" in scene.reason


@pytest.mark.parametrize(
    ("stem", "key"), [("la_s1_vh", "la"), ("LA-S2-rgb", "la"), ("rome_2020_VV_dB", "rome_2020"), ("s1", "s1")]
)
def test_the_place_is_what_is_left_of_a_name(stem: str, key: str) -> None:
    assert place(stem) == key


def test_sources_without_a_split_can_be_made_plainly() -> None:
    source = Source("a", Path("a.tif"), Path("b.tif"))
    assert (source.split, source.landcover) == ("", "")
