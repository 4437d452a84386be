"""The engines: rounding and clamping by hand, refusals, and that they agree with each other."""

import json
from pathlib import Path

import numpy as np
import openvino
import pytest
import torch
from openvino import opset13 as ops
from safetensors.torch import save_file

from geosar import engines
from geosar.engines import open_engine, resolve_device
from geosar.engines.generator import HALO as REAL_HALO
from geosar.engines.generator import STRIDE as REAL_STRIDE
from geosar.engines.generator import Generator, fold
from geosar.errors import EngineError, ModelFormatError, UsageError
from geosar.models import Model, load_model, sha256
from helpers.tiny_model import HALO, STRIDE, tiny_network, write_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load_model(write_model(tmp_path_factory.mktemp("models") / "tiny"))


def passing_on(outputs: int = 4) -> openvino.Model:
    """Make a network whose outputs are its input, times 1, -1, 2 and 0.5."""
    sar = ops.parameter([-1, 1, -1, -1], np.float32, name="sar")
    factors = np.array([1, -1, 2, 0.5], np.float32)[:outputs].reshape(1, outputs, 1, 1)
    return openvino.Model([ops.result(ops.multiply(sar, ops.constant(factors)))], [sar], "passing on")


def test_outputs_are_clamped_and_rounded_to_the_nearest(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "passing", networks={"float32": passing_on()}, stride=1)
    engine = open_engine(load_model(folder), "cpu")
    batch = np.array([[[[-3.0, 0.4, 0.5, 1.5, 100.6, 254.5, 300.0]]]], np.float32)
    outputs = engine.run(batch)
    assert outputs.dtype == np.uint8
    assert outputs.shape == (1, 1, 7, 4)
    # Halves go to the even number.
    assert outputs[0, 0, :, 0].tolist() == [0, 0, 0, 2, 101, 254, 255]
    assert outputs[0, 0, :, 1].tolist() == [3, 0, 0, 0, 0, 0, 0]
    assert outputs[0, 0, :, 2].tolist() == [0, 1, 1, 3, 201, 255, 255]
    assert outputs[0, 0, :, 3].tolist() == [0, 0, 0, 1, 50, 127, 150]


def test_int8_is_the_default_on_the_cpu_and_float32_where_there_is_none(model: Model, tmp_path: Path) -> None:
    assert open_engine(model, "cpu").precision == "int8"
    assert open_engine(model, "cpu", "float32").precision == "float32"
    exact = load_model(write_model(tmp_path / "exact", networks={"float32": tiny_network()}))
    assert open_engine(exact).precision == "float32"
    with pytest.raises(ModelFormatError, match="no int8 file"):
        open_engine(exact, "cpu", "int8")


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_pixel_depends_on_nothing_beyond_the_halo(model: Model, precision: str) -> None:
    engine = open_engine(model, "cpu", precision)
    random = np.random.default_rng(1)
    whole = random.standard_normal((1, 1, 256, 320), dtype=np.float32)
    expected = engine.run(whole)
    assert expected.std() > 10
    part = engine.run(whole[:, :, 32:224, 64:256])
    inner = slice(HALO, -HALO)
    inside, inside_whole = part[:, inner, inner], expected[:, 32:224, 64:256][:, inner, inner]
    assert np.array_equal(inside, inside_whole)
    assert not np.array_equal(part, expected[:, 32:224, 64:256])


def test_many_shapes_leave_no_graph_behind_and_change_nothing(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines.openvino, "KEPT_PIXELS", 5000)
    engine = engines.openvino.OpenVinoEngine(model, "float32", threads=1)
    sizes = [(64, 64), (32, 64), (64, 32), (128, 64), (64, 64)]
    batches = [np.random.default_rng(9).standard_normal((1, 1, *size), dtype=np.float32) for size in sizes]
    images = [engine.run(batch) for batch in batches]
    assert [image.shape[1:3] for image in images] == sizes
    assert np.array_equal(images[0], images[-1])
    assert sum(shape[2] * shape[3] for shape in engine._graphs) <= 5000
    assert len(engine._graphs) == 1


def test_the_same_input_twice_and_in_a_batch_gives_the_same(model: Model) -> None:
    engine = open_engine(model, "cpu", threads=2)
    batch = np.random.default_rng(2).standard_normal((3, 1, 64, 64), dtype=np.float32)
    together = engine.run(batch)
    one_by_one = np.concatenate([open_engine(model, "cpu", threads=1).run(one[np.newaxis]) for one in batch])
    assert np.array_equal(together, one_by_one)
    assert np.array_equal(together, engine.run(batch))


@pytest.mark.parametrize("shape", [(1, 2, 64, 64), (1, 1, 64, 63), (1, 64, 64)])
def test_a_batch_of_the_wrong_shape_is_refused(model: Model, shape: tuple[int, ...]) -> None:
    with pytest.raises(EngineError, match=f"multiples of {STRIDE}"):
        open_engine(model, "cpu").run(np.zeros(shape, np.float32))


def test_a_network_without_four_outputs_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "three", networks={"float32": passing_on(3)})
    with pytest.raises(ModelFormatError, match=r"expected \(N, 4, H, W\)"):
        open_engine(load_model(folder), "cpu")


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "broken")
    (folder / "int8.xml").write_text("<net/>")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["int8"]["sha256"] = sha256(folder / "int8.xml")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelFormatError, match="OpenVINO cannot use"):
        open_engine(load_model(folder), "cpu")


def test_wrong_choices_are_wrong_usage(model: Model) -> None:
    for device, precision, threads in (
        ("tpu", None, None),
        ("cpu", "int4", None),
        ("cuda", "int8", None),
        ("cpu", None, 0),
    ):
        with pytest.raises(UsageError):
            open_engine(model, device, precision, threads)


def test_without_torch_auto_is_the_cpu_and_cuda_says_what_to_install(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda _name: None)
    assert resolve_device(model, "auto") == "cpu"
    with pytest.raises(EngineError, match="needs torch"):
        open_engine(model, "cuda")


@pytest.fixture(scope="module", params=[0, REAL_HALO], ids=["whole", "inside"])
def real(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Model:
    """Package the real generator, small and with random weights, for both engines; with and without its margin."""
    margin: int = request.param
    torch.manual_seed(0)
    network = Generator(channels=1, widths=(8, 8, 16, 16, 16))
    network.train()
    with torch.no_grad():
        for _ in range(10):
            network(torch.randn(2, 1, 128, 128))
    architecture = network.architecture
    network = fold(network, margin)
    graph = openvino.convert_model(network, example_input=torch.zeros(1, 1, 384, 384), input=[("sar", [-1, 1, -1, -1])])
    folder = write_model(
        tmp_path_factory.mktemp("models") / "real", networks={"float32": graph}, stride=REAL_STRIDE, halo=REAL_HALO,
        margin=margin, architecture=architecture,
    )  # fmt: skip
    save_file({key: value.contiguous() for key, value in network.state_dict().items()}, folder / "weights.safetensors")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["weights"] = {
        "path": "weights.safetensors", "engine": "safetensors", "sha256": sha256(folder / "weights.safetensors"),
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return load_model(folder)


def test_torch_and_openvino_make_the_same_image(real: Model) -> None:
    from geosar.engines.torch import TorchEngine  # noqa: PLC0415 - named like the library, so kept close

    batch = np.random.default_rng(3).standard_normal((2, 1, 512, 384), dtype=np.float32).clip(-3, 4)
    by_torch = TorchEngine(real, "cpu", threads=2).run(batch)
    by_openvino = open_engine(real, "cpu", "float32").run(batch)
    margin = real.manifest.margin
    assert by_openvino.shape == by_torch.shape == (2, 512 - 2 * margin, 384 - 2 * margin, 4)
    apart = np.abs(by_torch.astype(int) - by_openvino)
    assert by_openvino[..., :3].std() > 1
    assert np.quantile(apart, 0.999) <= 2


def test_torch_refuses_a_device_that_is_not_here(real: Model) -> None:
    if torch.cuda.is_available():
        assert resolve_device(real, "auto") == "cuda"
        return
    with pytest.raises(EngineError, match="sees no cuda device"):
        open_engine(real, "cuda")


def test_torch_refuses_weights_of_another_architecture(real: Model) -> None:
    from geosar.engines.torch import TorchEngine  # noqa: PLC0415

    other = real.manifest.model_copy(update={"architecture": {"channels": 1, "widths": [4, 4, 4, 4, 4]}})
    with pytest.raises(ModelFormatError, match="does not fit the architecture"):
        TorchEngine(Model(real.folder, other), "cpu")
