"""Models of strangers: zips that lie, networks that lead elsewhere or make no picture; each is refused in words."""

import json
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper

from geosar.cli import group
from geosar.engines import open_engine
from geosar.errors import ModelChecksumError, ModelFormatError
from geosar.models import load_model, sha256
from geosar.scene.files import zips
from helpers.tiny_model import write_model

SIDE = 64
CONVOLUTION = helper.make_node("Conv", ["x", "w"], ["y"])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOSAR_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "tiny")


def refused(model: Path) -> bool:
    """Whether a model is refused, as the command tells it: by an error of our own, which stands for words."""
    try:
        load_model(model)
    except (ModelFormatError, ModelChecksumError):
        return True
    return False


def zipped(folder: Path, target: Path, **options: Any) -> Path:
    with zipfile.ZipFile(target, "w", **options) as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    return target


def a_link(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("MODEL_CARD.md")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")


def many_members(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(3000):
            archive.writestr(f"{number:04}{'x' * 200}.txt", b"")


def overwritten(signature: bytes, at: int, value: bytes) -> Callable[[Path], None]:
    """Overwrite bytes of the last record in a zip that begins so."""

    def change(path: Path) -> None:
        content = bytearray(path.read_bytes())
        begin = content.rindex(signature) + at
        content[begin : begin + len(value)] = value
        path.write_bytes(content)

    return change


CENTRAL, LOCAL, END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"
ZIPS: dict[str, Callable[[Path], None]] = {
    "a link": a_link,
    "many members": many_members,
    "encrypted": overwritten(CENTRAL, 8, b"\x01\0"),
    "a method that there is not": overwritten(CENTRAL, 10, b"\x63\0"),
    "a name of no characters": overwritten(CENTRAL, 46, b"\xff\xfe"),
    "a name of no UTF-8": lambda path: (overwritten(CENTRAL, 8, b"\0\x08")(path),
                                        overwritten(CENTRAL, 46, b"\xff\xfe")(path))[0],
    "a larger size": overwritten(CENTRAL, 24, struct.pack("<I", 2**31)),
    "a smaller size": overwritten(CENTRAL, 24, struct.pack("<I", 3)),
    "damaged data": overwritten(LOCAL, 80, b"\xff" * 20),
    "a place beyond the end": overwritten(CENTRAL, 42, struct.pack("<I", 2**32 - 2)),
    "a directory beyond the end": overwritten(END, 12, struct.pack("<II", 2**31, 2**31)),
}  # fmt: skip


@pytest.mark.parametrize("what", ZIPS)
def test_a_zip_that_lies_is_refused_in_words(
    tiny: Path, tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zips, "MOST_DIRECTORY", 2**19)
    path = zipped(tiny, tmp_path / "model.zip", compression=zipfile.ZIP_DEFLATED)
    load_model(path)
    shutil.rmtree(tmp_path / "cache")
    ZIPS[what](path)
    assert refused(path)
    assert not list((tmp_path / "cache").rglob("*.md"))


def changed(tiny: Path, folder: Path, **files: Any) -> Path:
    """Copy a model with another entry for its one network."""
    shutil.copytree(tiny, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    spec = {**manifest["files"]["float32"], **files}
    manifest["files"] = {"float32": {key: value for key, value in spec.items() if value is not None}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def network(*nodes: onnx.NodeProto, weights: tuple[onnx.TensorProto, ...]) -> bytes:
    floats = TensorProto.FLOAT
    input_info = helper.make_tensor_value_info("x", floats, ["N", 1, "H", "W"])
    output_info = helper.make_tensor_value_info("y", floats, ["N", 4, "H", "W"])
    graph = helper.make_graph(list(nodes), "g", [input_info], [output_info], list(weights))
    return bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())


def weight(count: int = 4) -> onnx.TensorProto:
    return helper.make_tensor("w", TensorProto.FLOAT, [count, 1, 1, 1], [20.0] * count)


def elsewhere(name: str) -> onnx.TensorProto:
    tensor = weight()
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=name)
    return tensor


def claiming(*shape: int) -> onnx.TensorProto:
    return TensorProto(dims=shape, data_type=TensorProto.FLOAT, name="w", raw_data=b"1234")


def hidden() -> bytes:
    """Make a network that names another file in a constant within a branch that is never taken."""
    node = helper.make_node("Constant", [], ["v"], value=elsewhere("/etc/passwd"))
    branch = helper.make_graph([node], "b", [], [helper.make_tensor_value_info("v", TensorProto.FLOAT, [4, 1, 1, 1])])
    truth = helper.make_tensor("t", TensorProto.BOOL, [], [1])
    chosen = helper.make_node("If", ["t"], ["v"], then_branch=branch, else_branch=branch)
    return network(chosen, CONVOLUTION, weights=(weight(), truth))


BIG = helper.make_tensor("s", TensorProto.INT64, [4], [1, 4, 10**5, 10**6])
NETWORKS: dict[str, bytes] = {
    "weights elsewhere": network(CONVOLUTION, weights=(elsewhere("../../../../etc/passwd"),)),
    "weights elsewhere in a branch": hidden(),
    "cut off": network(CONVOLUTION, weights=(weight(),))[:70],
    "empty": b"",
    "no graph": b"\x08\x01" * 50,
    "no end": b"\xff" * 40,
    "an operation that there is not": network(helper.make_node("Evil", ["x"], ["y"]), weights=()),
    "three bands": network(CONVOLUTION, weights=(weight(3),)),
    "weights that are not there": network(CONVOLUTION, weights=(claiming(10**6, 10**6),)),
    "half the size": network(
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("MaxPool", ["c"], ["y"], kernel_shape=[2, 2], strides=[2, 2]), weights=(weight(),)
    ),
    "terabytes": network(
        helper.make_node("ConstantOfShape", ["s"], ["z"]), helper.make_node("ReduceMean", ["z"], ["m"], keepdims=1),
        helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("Add", ["c", "m"], ["y"]), weights=(weight(), BIG)
    ),
}  # fmt: skip


def run(model: Path) -> np.ndarray:
    return open_engine(load_model(model), "cpu").run(np.ones((1, 1, SIDE, SIDE), np.float32))


def packaged(tiny: Path, folder: Path, content: bytes, **files: Any) -> Path:
    package = changed(tiny, folder, path="net.onnx", engine="onnx", data_path=None, data_sha256=None)
    (package / "net.onnx").write_bytes(content)
    manifest = json.loads((package / "manifest.json").read_text())
    manifest["files"]["float32"] |= {"sha256": sha256(package / "net.onnx"), **files}
    (package / "manifest.json").write_text(json.dumps(manifest))
    return package


@pytest.mark.parametrize("what", NETWORKS)
def test_a_network_that_leads_away_or_makes_no_picture_is_refused(tiny: Path, tmp_path: Path, what: str) -> None:
    with pytest.raises(ModelFormatError):
        run(packaged(tiny, tmp_path / "bad", NETWORKS[what]))


def test_weights_in_the_file_that_the_manifest_names_are_read(tiny: Path, tmp_path: Path) -> None:
    beside = tmp_path / "w.bin"
    beside.write_bytes(np.full(4, 20, np.float32).tobytes())
    named = {"data_path": "w.bin", "data_sha256": sha256(beside)}
    package = packaged(tiny, tmp_path / "good", network(CONVOLUTION, weights=(elsewhere("w.bin"),)), **named)
    beside.rename(package / "w.bin")
    assert (run(package) == 20).all()


def test_the_weights_are_those_that_were_checked_and_not_those_of_the_networks_name(tiny: Path, tmp_path: Path) -> None:
    right = run(changed(tiny, tmp_path / "plain"))
    model = changed(tiny, tmp_path / "other", data_path="other.bin")
    shutil.move(model / "float32.bin", model / "other.bin")
    (model / "float32.bin").write_bytes(bytes((model / "other.bin").stat().st_size))
    assert np.array_equal(run(model), right)


@pytest.mark.parametrize(
    ("name", "engine", "content"),
    [
        ("net.xml", "openvino", b"\x08\x01\x12\x04"),
        ("net.xml", "openvino", b'<?xml version="1.0"?><!DOCTYPE net SYSTEM "file:///etc/passwd"><other/>'),
        ("net.pb", "openvino", b"<net>"),
        ("net.bin", "onnx", b""),
    ],
)
def test_a_network_of_another_kind_is_refused(
    tiny: Path, tmp_path: Path, name: str, engine: str, content: bytes
) -> None:
    model = changed(tiny, tmp_path / "other", path=name, engine=engine)
    (model / name).write_bytes(content)
    manifest = json.loads((model / "manifest.json").read_text())
    manifest["files"]["float32"]["sha256"] = sha256(model / name)
    (model / "manifest.json").write_text(json.dumps(manifest))
    assert refused(model)


def test_a_manifest_without_end_and_one_without_sense_are_refused(tiny: Path, tmp_path: Path) -> None:
    model = changed(tiny, tmp_path / "long")
    for content in (b" " * 2**20 + b"{}", b"[" * 500_000, b"\xff\xfe{}", b'{"format": NaN}', b""):
        (model / "manifest.json").write_bytes(content)
        assert refused(model)


def test_a_card_neither_drives_the_terminal_nor_fills_the_memory(tiny: Path, tmp_path: Path) -> None:
    model = changed(tiny, tmp_path / "card")
    manifest = json.loads((model / "manifest.json").read_text())
    (model / "manifest.json").write_text(json.dumps(manifest | {"title": "a\x1b]0;b\x07"}))
    (model / "MODEL_CARD.md").write_bytes(b"\xff\x1b[2J# Card\n" + b"x" * 3_000_000)
    shown = CliRunner().invoke(group, ["models", "show", str(model)], color=True).output
    assert "# Card" in shown
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert len(shown) < 2**20 + 4000
