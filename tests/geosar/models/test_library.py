"""Finding and checking packaged models: nothing damaged, nothing pickled, nothing from outside its folder."""

import io
import pickle
import shutil
import urllib.request
import urllib.response
import zipfile
from email.message import Message
from pathlib import Path

import pytest

from geosar.errors import ModelChecksumError, ModelFormatError, ModelNotFoundError
from geosar.models import download, library, list_models, load_model
from helpers.tiny_model import write_model


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GEOSAR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_model(tmp_path / "tiny")


def zipped(folder: Path, inside: str = "") -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"{inside}{file.name}")
    return path


class Server(urllib.request.HTTPSHandler):
    """Answers https requests from a dictionary: bytes, or the URL to go to."""

    def __init__(self, pages: dict[str, bytes | str]) -> None:
        super().__init__()
        self.pages = pages
        self.asked: list[str] = []

    def https_open(self, req: urllib.request.Request) -> urllib.response.addinfourl:
        self.asked.append(req.full_url)
        page = self.pages.get(req.full_url)
        headers = Message()
        if isinstance(page, str):
            headers["Location"] = page
        code = 404 if page is None else 302 if isinstance(page, str) else 200
        body = page if isinstance(page, bytes) else b""
        answer = urllib.response.addinfourl(io.BytesIO(body), headers, req.full_url, code)
        answer.msg = "answer"
        return answer


def test_a_folder_is_loaded_and_named_by_its_checksum(folder: Path) -> None:
    model = load_model(folder)
    assert model.label == "tiny 1.0"
    assert model.file("int8") == folder / "int8.xml"
    assert model.checksum == library.sha256(folder / "manifest.json")
    with pytest.raises(ModelFormatError, match="no weights file"):
        model.file("weights")


@pytest.mark.parametrize("inside", ["", "tiny-1.0/"])
def test_a_zip_is_the_same_as_its_folder(folder: Path, inside: str) -> None:
    assert load_model(zipped(folder, inside)).checksum == load_model(folder).checksum


def test_a_built_in_model_is_found_by_name(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "PACKAGED", tmp_path)
    assert list_models() == ("tiny",)
    assert load_model("tiny").folder == folder


def test_an_unknown_name_says_which_there_are(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "PACKAGED", folder.parent)
    with pytest.raises(ModelNotFoundError, match="there are: tiny"):
        load_model("s9-rgb")


@pytest.mark.parametrize("name", ["int8.xml", "int8.bin", "float32.bin"])
def test_one_changed_byte_is_refused(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ModelChecksumError, match=name):
        load_model(folder)


def test_a_missing_file_is_refused(folder: Path) -> None:
    (folder / "int8.bin").unlink()
    with pytest.raises(ModelFormatError, match=r"lacks int8\.bin"):
        load_model(folder)


@pytest.mark.parametrize("name", ["net.pth", "net.pt", "net.ckpt", "net.pkl", "innocent.xml"])
def test_a_pickle_is_refused_whatever_its_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(pickle.dumps({"weights": [1, 2]}))
    with pytest.raises(ModelFormatError, match="pickled checkpoint"):
        load_model(path)


def test_a_checkpoint_of_torch_is_refused_under_the_name_of_a_zip(tmp_path: Path) -> None:
    path = tmp_path / "model.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(1))
    with pytest.raises(ModelFormatError, match="pickled checkpoint"):
        load_model(path)


@pytest.mark.parametrize("member", ["../outside.bin", "sub/inner.bin", "/absolute.bin", "run.py"])
def test_a_zip_with_something_else_in_it_is_refused(tmp_path: Path, folder: Path, member: str) -> None:
    path = zipped(folder)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(member, b"x")
    with pytest.raises(ModelFormatError, match="holds"):
        load_model(path)
    assert not list(tmp_path.rglob("outside.bin"))


def test_a_zip_that_unpacks_to_too_much_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "MAXIMUM_BYTES", 1000)
    with pytest.raises(ModelFormatError, match="more than the limit"):
        load_model(zipped(folder))


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with pytest.raises(ModelFormatError, match="not a packaged model"):
        load_model(path)


def test_a_model_is_fetched_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://models.example/tiny.zip"
    server = Server({"https://models.example/moved": url, url: zipped(folder).read_bytes()})
    monkeypatch.setattr(
        library, "download", lambda url, target, limit: download.download(url, target, limit, handlers=(server,))
    )
    assert load_model("https://models.example/moved").label == "tiny 1.0"
    assert load_model("https://models.example/moved").label == "tiny 1.0"
    assert server.asked == ["https://models.example/moved", url]


@pytest.mark.parametrize(
    ("url", "error", "words"),
    [
        ("http://models.example/tiny.zip", ModelNotFoundError, "https"),
        ("file:///etc/passwd", ModelNotFoundError, "https"),
        ("https://models.example/elsewhere", ModelNotFoundError, "https only"),
        ("https://models.example/none.zip", ModelNotFoundError, "could not be fetched"),
        ("https://models.example/large.zip", ModelFormatError, "larger than"),
    ],
)
def test_a_bad_download_leaves_nothing(tmp_path: Path, url: str, error: type[Exception], words: str) -> None:
    server = Server(
        {
            "https://models.example/elsewhere": "http://models.example/tiny.zip",
            "https://models.example/large.zip": bytes(2000),
        }
    )
    with pytest.raises(error, match=words):
        download.download(url, tmp_path / "into" / "model.zip", 1000, handlers=(server,))
    assert not list((tmp_path / "into").glob("*"))


def test_a_pickle_is_not_even_fetched() -> None:
    with pytest.raises(ModelFormatError, match="pickled"):
        load_model("https://models.example/net.pth?download=1")


def test_the_cache_recovers_from_a_run_that_was_killed(folder: Path, cache: Path) -> None:
    path = zipped(folder)
    half = cache / "geosar" / "models" / library.sha256(path)
    half.mkdir(parents=True)
    shutil.copy(folder / "int8.xml", half)
    assert load_model(path).label == "tiny 1.0"
