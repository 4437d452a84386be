"""From a checkpoint to a packaged model that geosar loads and runs."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import openvino
import pytest
import torch

from geosar.engines import open_engine
from geosar.engines.generator import HALO, STRIDE, Generator
from geosar.models import load_model
from geosar.models.manifest import read_manifest
from geosar_training.errors import ExportError, PairsError
from geosar_training.fitting import averaging
from geosar_training.fitting.trainer import Trainer
from geosar_training.networks.painter import Painter
from geosar_training.packaging import export, writer
from geosar_training.packaging.export import AS_TRAINED, Report, Tone, export_model, stretched
from geosar_training.packaging.writer import Identity
from geosar_training.pairs.pair import Pair
from geosar_training.pairs.tone import LUMA_DEVIATION, LUMA_MEAN
from helpers.training.laboratory import WIDTHS, make_pair, tiny_config

ROOT = Path(__file__).parents[3]
IDENTITY = Identity(name="tiny", version="3")
CARD = "# Card\nAfter {updates} updates:\n{scores}\n{agreement}\nBraces {stay}. ![A town](pictures/town.png)"


def training_pairs() -> list[Pair]:
    return [
        make_pair("a", source="here", size=256, seed=1), make_pair("b", source="there", size=256, seed=2),
        make_pair("c", source="here", size=256, seed=3, split="val"),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    return training_pairs()


@pytest.fixture(scope="module")
def quick() -> pytest.MonkeyPatch:
    patch = pytest.MonkeyPatch()
    patch.setattr(writer, "CALIBRATION_PATCHES", 6)
    patch.setattr(averaging, "BATCHES", 3)
    return patch


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, pairs: list[Pair]) -> Path:
    """A network that has learned a little, so that its outputs are neither flat nor wild."""
    folder = tmp_path_factory.mktemp("run")
    config = tiny_config(updates=80, learning_rate=1e-2, checkpoint_every=1000)
    Trainer(config, pairs, folder, precision="32-true").fit()
    return folder / "last.pt"


@pytest.fixture(scope="module")
def exported(
    tmp_path_factory: pytest.TempPathFactory, checkpoint: Path, pairs: list[Pair], quick: pytest.MonkeyPatch
) -> tuple[Path, Report]:
    del quick
    folder = tmp_path_factory.mktemp("models") / "tiny"
    card = tmp_path_factory.mktemp("card") / "card.md"
    card.write_text(CARD)
    (card.parent / "pictures").mkdir()
    (card.parent / "pictures" / "town.png").write_bytes(b"a town")
    return folder, export_model(checkpoint, pairs, folder, identity=IDENTITY, twin=checkpoint, card=card, onnx=True)


@pytest.fixture(scope="module")
def model(exported: tuple[Path, Report]) -> Path:
    return exported[0]


def outputs(model: Path, device: str, precision: str | None = None) -> np.ndarray:
    random = np.random.default_rng(5)
    smooth = random.normal(size=(1, 1, 64, 72)).repeat(8, axis=2).repeat(8, axis=3)
    batch = (smooth + random.normal(0, 0.4, smooth.shape)).clip(-4, 4).astype(np.float32)
    if device == "torch":
        from geosar.engines.torch import TorchEngine  # noqa: PLC0415 - only this test needs it

        return TorchEngine(load_model(model), "cpu").run(batch).astype(int)
    return open_engine(load_model(model), device, precision, threads=1).run(batch).astype(int)


def test_the_manifest_says_what_the_network_needs(model: Path) -> None:
    manifest = read_manifest(model / "manifest.json")
    assert (manifest.name, manifest.version) == ("tiny", "3")
    assert (manifest.stride, manifest.halo, manifest.margin) == (STRIDE, HALO, HALO)
    assert manifest.inputs.clip == (-4, 4)
    assert manifest.inputs.accepts == (("VV",), ("VH",))
    assert manifest.training["updates"] == 80
    assert manifest.architecture["widths"] == tiny_config().widths


def test_the_folder_holds_the_model_and_nothing_else(model: Path) -> None:
    assert {path.name for path in model.iterdir()} == {
        "manifest.json", "MODEL_CARD.md", "weights.safetensors", "float32.xml", "float32.bin", "int8.xml", "int8.bin",
        "network.onnx", "stac-mlm.json", "pictures",
    }  # fmt: skip
    assert [path.name for path in model.parent.iterdir()] == ["tiny"]
    modes = {path.stat().st_mode for path in model.iterdir() if path.is_file()}
    assert len(modes) == 1  # all as readable as the umask makes them


def test_float32_differs_from_torch_by_rounding_alone(model: Path) -> None:
    difference = np.abs(outputs(model, "cpu", "float32") - outputs(model, "torch"))
    assert difference.max() <= 1


def test_what_others_read_as_onnx_makes_the_same_picture(model: Path, tmp_path: Path) -> None:
    manifest = json.loads((model / "manifest.json").read_text())
    shutil.copyfile(model / "network.onnx", tmp_path / "network.onnx")
    manifest["files"] = {"float32": manifest["files"]["onnx"]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    difference = np.abs(outputs(tmp_path, "cpu", "float32") - outputs(model, "cpu", "float32"))
    assert difference.max() <= 1
    assert [one.name for one in onnx.load(model / "network.onnx").graph.input] == ["sar"]


def test_int8_is_near_float32(model: Path) -> None:
    full, quick = outputs(model, "cpu", "float32"), outputs(model, "cpu", "int8")
    difference = np.abs(full - quick)[..., :3]
    assert full[..., :3].std() > 15  # there is something to differ about
    assert difference.mean() < 2.5
    assert np.percentile(difference, 99.9) < 20


def test_int8_is_int8(model: Path) -> None:
    network = openvino.Core().read_model(model / "int8.xml")
    kinds = [operation.get_type_name() for operation in network.get_ops()]
    assert kinds.count("FakeQuantize") >= 10
    assert (model / "int8.bin").stat().st_size < (model / "weights.safetensors").stat().st_size


def test_scores_stand_in_the_manifest_beside_baselines_and_twin(exported: tuple[Path, Report]) -> None:
    folder, report = exported
    metrics = json.loads((folder / "manifest.json").read_text())["metrics"]
    assert list(metrics["validation"]) == [
        "mean colour", "smooth grey", "L1-only twin", "tiny (torch float32)", "tiny (int8)",
    ]  # fmt: skip
    row = report.table["tiny (int8)"]["all"]
    assert row.patches == 1
    assert metrics["validation"]["tiny (int8)"]["all"]["psnr_matched"] == row.matched.psnr
    assert metrics["int8_against_float32"]["psnr"] == report.agreement.psnr > 30
    assert report.table["L1-only twin"] == report.table["tiny (torch float32)"]  # the same checkpoint


def test_the_card_is_filled_in(model: Path) -> None:
    card = (model / "MODEL_CARD.md").read_text()
    assert "After 80 updates:\n| source | patches |" in card
    assert "99.9 % within" in card
    assert "Braces {stay}." in card


def test_the_pictures_of_the_card_come_along(model: Path) -> None:
    assert (model / "pictures" / "town.png").read_bytes() == b"a town"


@pytest.mark.parametrize("shown", ["pictures/gone.png", "../secret.png"])
def test_a_card_whose_pictures_are_not_beside_it_is_refused(
    tmp_path: Path, checkpoint: Path, pairs: list[Pair], shown: str
) -> None:
    (tmp_path / "secret.png").write_bytes(b"elsewhere")
    card = tmp_path / "card" / "card.md"
    card.parent.mkdir()
    card.write_text(f"![A town]({shown})")
    with pytest.raises(ExportError, match="put the picture there"):
        export_model(checkpoint, pairs, tmp_path / "model", identity=IDENTITY, card=card)
    assert not (tmp_path / "model").exists()


def test_another_export_replaces_the_model(
    tmp_path: Path, checkpoint: Path, pairs: list[Pair], model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy(_network: object, _pairs: object, folder: Path) -> None:  # the networks are known by now
        shutil.copytree(model, folder, dirs_exist_ok=True)

    monkeypatch.setattr(export, "write_networks", copy)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    (folder / "old.bin").write_text("old")
    export_model(checkpoint, pairs, folder, identity=IDENTITY)
    assert load_model(folder).label == "tiny 3"
    assert not (folder / "old.bin").exists()
    assert "synthetic" in (folder / "MODEL_CARD.md").read_text()


def test_a_folder_with_other_files_is_refused(tmp_path: Path, checkpoint: Path, pairs: list[Pair]) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ExportError, match="holds files, but no packaged model"):
        export_model(checkpoint, pairs, tmp_path, identity=IDENTITY)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_failing_export_leaves_the_earlier_model(
    tmp_path: Path, checkpoint: Path, pairs: list[Pair], quick: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    del quick

    def full(*_given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export, "write_networks", full)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(OSError, match="No space left"):
        export_model(checkpoint, pairs, folder, identity=IDENTITY)
    assert (folder / "manifest.json").read_text() == "{}"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_pictures_are_stretched_around_the_mean_of_the_targets() -> None:
    network = Generator(widths=WIDTHS, mean=LUMA_MEAN, deviation=LUMA_DEVIATION).eval()
    sar = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(1))

    def components(generator: Generator) -> np.ndarray:
        with torch.no_grad():
            picture = generator(sar)[0, :3].numpy()
        luma = np.tensordot((0.299, 0.587, 0.114), picture, 1)
        blue, red = (picture[2] - luma) / 1.772, (picture[0] - luma) / 1.402
        return np.stack([luma, blue, red]) - np.array(LUMA_MEAN)[:, None, None]

    more = stretched(network, Tone(contrast=1.2, saturation=1.5, brightness=10.0))
    expected = (
        components(network) * np.array([1.2, 1.5, 1.5])[:, None, None] + np.array([10.0, 0.0, 0.0])[:, None, None]
    )
    np.testing.assert_allclose(components(more), expected, atol=1e-3)
    np.testing.assert_allclose(components(stretched(more, AS_TRAINED)), components(network), atol=1e-3)


def test_only_what_makes_luma_and_chroma_apart_is_stretched() -> None:
    network = Painter(torch.nn.Identity(), stride=1, halo=0, architecture={"channels": 1, "despeckle": "none"})
    assert stretched(network, AS_TRAINED) is network
    with pytest.raises(ExportError, match="luma and chroma apart"):
        stretched(network, Tone(contrast=1.2))


def test_calibration_needs_training_pairs_of_any_size() -> None:
    with pytest.raises(PairsError, match="No pair has the split train"):
        writer.calibration([make_pair(split="val")], Generator(widths=WIDTHS))
    small = writer.calibration([make_pair(size=96)], Generator(widths=WIDTHS))
    assert {patch.shape for patch in small} == {(1, 1, 96 + 2 * HALO, 96 + 2 * HALO)}


def test_calibration_draws_evenly_from_the_sources(quick: pytest.MonkeyPatch, pairs: list[Pair]) -> None:
    del quick
    patches = writer.calibration(pairs, Generator(widths=WIDTHS))
    assert [patch.shape for patch in patches] == [(1, 1, 256 + 2 * HALO, 256 + 2 * HALO)] * 6
    assert all(np.array_equal(patches[0], patch) == (index % 2 == 0) for index, patch in enumerate(patches))


def test_a_process_that_closed_two_engines_still_takes_signals(model: Path) -> None:
    program = f"""
import os, signal
from geosar.engines import open_engine
from geosar.models import load_model
model = load_model({str(model)!r})
first, second = open_engine(model, "cpu", "int8", 1), open_engine(model, "cpu", "float32", 1)
del first
del second
signal.signal(signal.SIGTERM, lambda *_: print("taken", flush=True))
os.kill(os.getpid(), signal.SIGTERM)
"""
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT)
    assert ran.stdout == "taken\n"
