"""What a package declares of its training, and that translation then sees what training saw."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from rasterio.transform import from_origin

from geosar import translate
from geosar.models.manifest import read_manifest
from geosar_training.cli import train
from geosar_training.fitting import averaging
from geosar_training.fitting.trainer import Trainer
from geosar_training.packaging import writer
from geosar_training.packaging.export import export_model
from geosar_training.packaging.seen import seen_in
from geosar_training.packaging.translators import engine_translator
from geosar_training.packaging.writer import Identity
from geosar_training.pairs.pair import Pair, fit_normalisers, normalised, read_pairs
from geosar_training.scoring.metrics import psnr
from helpers.rasters import write_raster
from helpers.training.laboratory import make_dual_pair, make_pair, tiny_config


def test_what_was_seen_comes_from_the_training_pairs() -> None:
    pairs = [
        replace(make_pair("a"), polarisations=("VH",), pixel_size=20.0),
        replace(make_pair("b"), polarisations=("VH",), pixel_size=22.0),
        replace(make_pair("c"), polarisations=("VH",), pixel_size=40.0),
        replace(make_pair("d", split="val"), polarisations=("VV",), pixel_size=1.0),
    ]
    seen = seen_in(pairs)
    assert seen.accepts() == [["VH"]]
    assert seen.pixel_size == 22.0
    assert seen.reference == {}
    assert seen.pairs == 3
    assert "from VH at 22 m" in seen.description()


def test_pairs_that_say_nothing_leave_it_open() -> None:
    seen = seen_in([make_pair("a"), replace(make_pair("b"), polarisations=("VH",))])
    assert seen.accepts() == [["VV"], ["VH"]]
    assert seen.pixel_size == 10.0
    assert seen.accepts(["VV", "VH"]) == [["VV", "VH"]]


def test_only_calibrated_pairs_declare_a_reference() -> None:
    both = replace(make_dual_pair("a"), polarisations=("VV", "VH"), calibrated=True)
    assert (seen_in([both]).together, seen_in([make_pair("b")]).together) == (True, False)
    assert seen_in([make_pair("b"), both]).reference == {"VV": (-10.0, 3.0), "VH": (-16.5, 3.0)}
    assert seen_in([make_pair("b"), replace(both, calibrated=False)]).reference == {}


def write_scene(folder: Path, pair: Pair) -> None:
    """Write a scene in decibel, whose mean is far from any reference, and its optical image, with pixels of 20 m."""
    grid = from_origin(500_000, 4_000_000, 20, 20)
    decibels = pair.sar.astype(np.float32)[None] / 12 - 30
    for path, values in (("sar/{}_VH_db.tif", decibels), ("opt/{}.tif", np.moveaxis(pair.optical, -1, 0))):
        target = folder / path.format(pair.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_raster(target, values, crs="EPSG:32633", transform=grid)


def test_a_scene_scores_the_same_in_the_laboratory_and_as_translated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "CALIBRATION_PATCHES", 4)
    monkeypatch.setattr(averaging, "BATCHES", 3)
    scenes = [make_pair(name, size=256, seed=seed) for seed, name in enumerate(("a", "b"))]
    for scene in scenes:
        write_scene(tmp_path, scene)
    words = ["prepare", tmp_path / "sar", tmp_path / "opt", "-o", tmp_path / "pairs", "--size", 256]
    result = CliRunner().invoke(train, [str(word) for word in [*words, "--validation", 0.5]])
    assert result.exit_code == 0, result.output
    pairs = read_pairs(tmp_path / "pairs")
    Trainer(tiny_config(updates=80, learning_rate=1e-2), pairs, tmp_path / "run", precision="32-true").fit()
    export_model(tmp_path / "run/last.pt", pairs, tmp_path / "model", identity=Identity("mine", "1"))

    manifest = read_manifest(tmp_path / "model/manifest.json")
    assert manifest.ground_sampling_distance == 20
    assert manifest.inputs.accepts == (("VH",),)
    assert (manifest.title, manifest.licence, manifest.credit) == ("mine", "not stated", ())
    pair = next(pair for pair in pairs if pair.name.startswith("a_"))
    truth = scenes[0].optical
    seen = normalised(pair, fit_normalisers(pairs))
    scored = psnr(engine_translator(tmp_path / "model", "int8")(seen)[..., :3], truth)
    translate(tmp_path / "sar/a_VH_db.tif", tmp_path / "a.tif", model=tmp_path / "model", precision="int8")
    with rasterio.open(tmp_path / "a.tif") as file:
        translated = psnr(np.moveaxis(file.read([1, 2, 3]), 0, -1), truth)
    assert scored > 15
    assert translated == pytest.approx(scored, abs=0.05)
