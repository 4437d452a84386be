"""What is released: one version everywhere, links that lead on, a plugin that the repository of QGIS takes."""

import re
import tomllib
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest
from click.testing import CliRunner

import geosar
from geosar.cli import group

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MOST_PLUGIN_BYTES = 25_000_000
"""QGIS's plugin repository takes no larger zip."""


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the plugin's zip, as the command writes it."""
    folder = tmp_path_factory.mktemp("plugin")
    ran = CliRunner().invoke(group, ["qgis-plugin", "--out", str(folder)])
    assert ran.exit_code == 0, ran.output
    path = Path(ran.stdout.strip())
    assert path.parent == folder
    return path


@pytest.fixture(scope="module")
def metadata(plugin: Path) -> dict[str, str]:
    parser = ConfigParser(interpolation=None)
    with zipfile.ZipFile(plugin) as archive:
        parser.read_string(archive.read("geosar_qgis/metadata.txt").decode())
    return {key.lower(): value for key, value in parser["general"].items()}


def test_every_place_that_names_the_version_names_the_same(plugin: Path, metadata: dict[str, str]) -> None:
    version = PROJECT["project"]["version"]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}$", changes, re.MULTILINE)
    named = {
        "geosar.__version__": geosar.__version__,
        "the newest release of CHANGELOG.md": released[0],
        "metadata.txt": metadata["version"],
        "the plugin's changelog": metadata["changelog"].split()[0],
        "the plugin's zip": plugin.stem.rpartition("-")[2],
    }
    assert named == dict.fromkeys(named, version)


def test_the_plugin_keeps_the_rules_of_the_repository_of_qgis(plugin: Path, metadata: dict[str, str]) -> None:
    with zipfile.ZipFile(plugin) as archive:
        names = archive.namelist()
        assert archive.testzip() is None
        texts = {name: archive.read(name) for name in names if not name.endswith(".qm")}
    assert plugin.stat().st_size < MOST_PLUGIN_BYTES
    assert {name.partition("/")[0] for name in names} == {"geosar_qgis"}
    assert {"geosar_qgis/__init__.py", "geosar_qgis/metadata.txt", "geosar_qgis/LICENSE"} <= set(names)
    assert not [name for name in names if re.search(r"(^|/)\.|__pycache__|__MACOSX|\.pyc$", name)]
    assert not [name for name, content in texts.items() if b"\0" in content]
    for key in (
        "name",
        "qgisminimumversion",
        "description",
        "about",
        "version",
        "author",
        "email",
        "repository",
        "tracker",
    ):
        assert metadata[key], key
    assert "plugin" not in metadata["name"].lower()
    assert metadata["name"].isascii()
    assert re.fullmatch(r"[^@\s]+@[^@\s]+\.[a-z]+", metadata["email"])
    assert not re.search(r"<[a-z]+>", metadata["description"] + metadata["about"])
    for key in ("homepage", "tracker", "repository"):
        assert metadata[key].startswith("https://"), key


def test_the_plugin_and_the_package_name_one_home(metadata: dict[str, str]) -> None:
    home = PROJECT["project"]["urls"]["Repository"]
    assert metadata["repository"] == home
    assert metadata["tracker"] == PROJECT["project"]["urls"]["Issues"]
    assert all(address.startswith(home) for address in PROJECT["project"]["urls"].values())


def test_no_link_of_the_long_description_is_a_path() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rules = PROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]
    for rule in rules:
        text = re.sub(rule["pattern"], rule["replacement"].replace("$HFPR_VERSION", "1.2.3"), text)
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) > 20
    assert not [link for link in links if not re.match(r"https://|#", link)]
    home = PROJECT["project"]["urls"]["Repository"]
    assert f"]({home}/raw/v1.2.3/docs/pictures/webmap_swipe.webp)" in text
    assert f"]({home}/blob/v1.2.3/docs/service.md)" in text


def test_the_plugin_says_where_it_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ran = CliRunner().invoke(group, ["qgis-plugin", "--out", str(tmp_path / "file" / "folder")])
    assert ran.exit_code != 0
    assert "cannot be written" in str(ran.exception) or "cannot be written" in ran.output
