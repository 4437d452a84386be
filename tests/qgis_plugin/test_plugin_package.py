"""The plugin as a package: what is in the zip, what it imports, and that its texts can be translated."""

import ast
import json
import re
import subprocess
import sys
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest
from build_zip import members
from geosar_qgis import words
from geosar_qgis.client.messages import FileChangedError, NotAServiceError, Piece, Response
from geosar_qgis.client.urls import UrlError, service_url
from translations import document, texts

STANDARD = set(sys.stdlib_module_names)
NETWORK = {"urllib.request", "http", "http.client", "socket", "ssl", "requests"}


def imported(path: Path) -> set[str]:
    """Names of all modules that a file imports, relative ones left out."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            modules.add(str(node.module))
    return modules


def test_the_client_imports_the_standard_library_alone_and_no_network(plugin_folder: Path) -> None:
    for path in sorted((plugin_folder / "client").glob("*.py")):
        modules = imported(path)
        assert {name.partition(".")[0] for name in modules} <= STANDARD, path
        assert not modules & NETWORK, path


def test_the_rest_imports_qgis_and_the_standard_library_and_no_other_network(plugin_folder: Path) -> None:
    for path in sorted(plugin_folder.rglob("*.py")):
        modules = imported(path)
        assert {name.partition(".")[0] for name in modules} <= STANDARD | {"qgis", "processing"}, path
        assert not modules & NETWORK, path


def test_no_file_is_longer_than_it_should_be(plugin_folder: Path) -> None:
    for path in plugin_folder.rglob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) < 400, path


def test_the_zip_is_small_whole_and_the_same_each_time(plugin_folder: Path, tmp_path: Path) -> None:
    script = plugin_folder.parent / "build_zip.py"
    for name in ("one", "two"):
        ran = subprocess.run(
            [sys.executable, str(script), "--out", str(tmp_path / name)], check=False, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stderr
        assert "Install from ZIP" in ran.stdout
    one, two = next((tmp_path / "one").iterdir()), next((tmp_path / "two").iterdir())
    assert one.read_bytes() == two.read_bytes()
    with zipfile.ZipFile(one) as archive:
        names = archive.namelist()
        assert all(name.startswith("geosar_qgis/") for name in names)
        files = {"metadata.txt", "LICENSE", "icon.svg", "i18n/de.json", "i18n/es.json"}
        assert {f"geosar_qgis/{name}" for name in files} <= set(names)
        assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".so", ".exe", ".dll"))]
    assert one.stat().st_size < 200_000


def test_the_metadata_is_complete(plugin_folder: Path) -> None:
    parser = ConfigParser(interpolation=None)
    parser.read(plugin_folder / "metadata.txt", encoding="utf-8")
    known = parser["general"]
    assert known["hasProcessingProvider"] == "yes"
    assert known["supportsQt6"] == "True"
    assert known["qgisMinimumVersion"] == "3.22"
    assert known["version"] in known["changelog"]
    for key in ("description", "about", "author", "email", "tracker", "repository", "homepage", "tags"):
        assert known[key]
    assert "GNU GENERAL PUBLIC LICENSE" in (plugin_folder / "LICENSE").read_text(encoding="utf-8")


def test_a_binary_or_a_hidden_file_does_not_get_into_the_zip(tmp_path: Path) -> None:
    (tmp_path / "a.py").touch()
    assert members(tmp_path) == [tmp_path / "a.py"]
    (tmp_path / "helper.so").touch()
    with pytest.raises(ValueError, match=r"helper\.so"):
        members(tmp_path)


@pytest.mark.parametrize("language", ["de", "es"])
def test_every_text_is_translated_with_the_same_placeholders(plugin_folder: Path, language: str) -> None:
    path = plugin_folder / "i18n" / f"{language}.json"
    known = json.loads(path.read_text(encoding="utf-8"))
    assert path.read_text(encoding="utf-8") == document(known), "run python qgis_plugin/translations.py"
    assert [text for text in texts() if not known[text]] == [], "fill them in"
    for text, translation in known.items():
        assert sorted(re.findall(r"\{\d\}|<b>|\n\n", text)) == sorted(re.findall(r"\{\d\}|<b>|\n\n", translation)), text
    assert len(texts()) > 180


UNTRANSLATED = {
    "SAR to optical",  # the plugin's name
    "Synthetic optical image made from SAR; not an observation",  # as the files of the service say it themselves
    "Expected absolute error, 0 to 255, of a {}{}",
    "Backscatter with its speckle filtered: estimated from the observation, not synthetic",
    "the last try returns or raises",  # which no user reads
}
SENTENCE = re.compile(r"(?<![\w\\(])[A-Za-z']{2,} [A-Za-z']{2,}|\{\} (is|are|was|has|cannot|could|became|changed)\b")


def bare_texts(path: Path) -> list[str]:
    """Return the texts of a file that look like words of a person and are not in tr(...), nor documentation."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    left_out: set[ast.AST] = set()
    for node in ast.walk(tree):
        is_translated = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tr"
        if is_translated or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            left_out |= set(ast.walk(node))
    texts_there = []
    for node in ast.walk(tree):  # a text with placeholders comes before its parts
        if node in left_out:
            continue
        if isinstance(node, ast.JoinedStr):
            parts = [one.value if isinstance(one, ast.Constant) else "{}" for one in node.values]
            texts_there.append("".join(map(str, parts)))
            left_out |= {one for one in node.values if isinstance(one, ast.Constant)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts_there.append(node.value)
    return [one for one in texts_there if SENTENCE.search(one) and not one.startswith("<")]


def test_every_text_that_a_user_reads_can_be_translated(plugin_folder: Path) -> None:
    for path in sorted(plugin_folder.rglob("*.py")):
        assert set(bare_texts(path)) <= UNTRANSLATED, f"put it into tr(...) in {path}"


def test_a_text_that_cannot_be_translated_is_seen(tmp_path: Path) -> None:
    lines = (
        "'What this is.'",
        'x = tr("A text. It is long.")',
        'raise E(f"{x} is empty")',
        'raise E("There is " + "no such thing")',
    )
    (tmp_path / "a.py").write_text("\n".join(lines), encoding="utf-8")
    assert sorted(bare_texts(tmp_path / "a.py")) == ["There is ", "no such thing", "{} is empty"]


@pytest.mark.parametrize("language", ["de", "es"])
def test_what_goes_wrong_is_said_in_the_language_of_qgis(plugin_folder: Path, language: str) -> None:
    known = json.loads((plugin_folder / "i18n" / f"{language}.json").read_text(encoding="utf-8"))
    try:
        words.speak(language)
        with pytest.raises(UrlError) as wrong_url:
            service_url("ftp://a.test")
        assert str(wrong_url.value).startswith(("„ftp://a.test“", "«ftp://a.test»"))
        with pytest.raises(NotAServiceError) as stranger:
            Response(200, body=b"<html>").json()
        text = "The answer is not that of a geosar service. Check the URL: it is the one that shows the web map."
        assert str(stranger.value) == known[text]
        with pytest.raises(FileChangedError) as gone:
            Piece(plugin_folder / "gone.tif", 0, 9).read()
        assert str(gone.value).startswith(known["{0} cannot be read: {1}."].partition("{")[0])
    finally:
        words.speak("en")


def test_a_language_is_spoken_and_english_where_there_is_none() -> None:
    try:
        words.speak("de_AT")
        assert words.tr("Swipe") == "Wischen"
        assert words.tr("a text that is new") == "a text that is new"
        words.speak("fi")
        assert words.tr("Swipe") == "Swipe"
    finally:
        words.speak("en")
