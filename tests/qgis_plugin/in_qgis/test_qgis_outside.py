"""The plugin from its zip, before the plugin repository's rules, and whether QGIS has all the names that it uses."""

import ast
import os
import shutil
import subprocess
import sys
import zipfile
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "qgis_plugin" / "geosar_qgis"
HERE = Path(__file__).parent


def build_zip(folder: Path) -> Path:
    """Build the plugin's zip as `make qgis-plugin` does."""
    subprocess.run([sys.executable, str(ROOT / "qgis_plugin" / "build_zip.py"), "--out", str(folder)], check=True)
    return next(folder.glob("*.zip"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A profile of QGIS with the plugin installed from its zip."""
    folder = tmp_path_factory.mktemp("installed")
    plugins = folder / "profiles" / "default" / "python" / "plugins"
    with zipfile.ZipFile(build_zip(folder)) as archive:
        archive.extractall(plugins)
    return folder


def process(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run qgis_process; Debian's wrapper of that name is broken, the program beside it is not."""
    program = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
    assert program is not None, "QGIS is installed, but qgis_process is not on the path"
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("QGIS_", "PYTHONPATH"))}
    environment |= {
        "QGIS_CUSTOM_CONFIG_PATH": str(installed / "settings"),
        "QGIS_PLUGINPATH": str(installed / "profiles" / "default" / "python" / "plugins"),
        "QT_QPA_PLATFORM": "offscreen",
    }
    return subprocess.run(
        [program, *arguments], env=environment, check=False, capture_output=True, text=True, timeout=400
    )


def test_qgis_process_translates_without_a_window(installed: Path, served: Any, make_sar: Any, tmp_path: Path) -> None:
    assert process(installed, "plugins", "enable", "geosar_qgis").returncode == 0
    target = tmp_path / "o.tif"
    ran = process(
        installed, "run", "geosar:translate", "--", f"INPUT={make_sar(seed=51)}", f"CONNECTION={served.url}",
        f"OUTPUT={target}",
    )  # fmt: skip
    assert target.exists(), ran.stdout + ran.stderr
    assert "100 - done" in ran.stdout
    failed = process(installed, "run", "geosar:listscenes", "--", "CONNECTION=http://127.0.0.1:9", "OUTPUT=x.gpkg")
    assert "cannot be reached" in failed.stdout + failed.stderr
    assert "Traceback" not in failed.stdout + failed.stderr


def test_a_new_user_gets_from_the_zip_to_a_batch_in_a_real_window(served: Any, data_dir: Path, tmp_path: Path) -> None:
    qgis, screen = shutil.which("qgis"), shutil.which("xvfb-run")
    assert qgis is not None
    assert screen is not None, "apt-get install xvfb"
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("QGIS_", "QT_QPA", "PYTHONPATH"))
    }
    named = ("rtc_282D_485L_3_3_vv_vh_db.tif", "rtc_609U_541L_3_0_vv_vh_db.tif", "grd_gcps_india.tif")
    scenes = [shutil.copy(data_dir / "scenes" / name, tmp_path) for name in named]
    environment |= {
        "GEOSAR_ZIP": str(build_zip(tmp_path)), "GEOSAR_SERVICE": served.url, "GEOSAR_PICTURES": str(tmp_path),
        "GEOSAR_SCENES": os.pathsep.join(scenes), "GEOSAR_TESTS": str(HERE),
    }  # fmt: skip
    command = [screen, "-a", "-s", "-screen 0 1400x900x24", qgis, "--noversioncheck", "--nologo", "--profiles-path",
               str(tmp_path / "profiles"), "--code", str(HERE / "window.py")]  # fmt: skip
    subprocess.run(command, env=environment, check=False, timeout=900, capture_output=True)
    text = (tmp_path / "said.txt").read_text()
    assert text.splitlines()[-1] == "all well", text
    for name in ("installed", "connection", "uploaded", "swipe", "batch", "batch-done", "model"):
        assert (tmp_path / f"{name}.png").stat().st_size > 5_000


def test_flake8_and_bandit_have_no_complaint() -> None:
    flake8 = subprocess.run(
        [sys.executable, "-m", "flake8", "--isolated", "--max-line-length", "120", "--extend-ignore", "E203,E704,W503",
         str(FOLDER)], check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert flake8.stdout + flake8.stderr == ""
    bandit = subprocess.run(
        [sys.executable, "-m", "bandit", "-q", "-r", str(FOLDER)], check=False, capture_output=True, text=True
    )
    assert bandit.returncode == 0, bandit.stdout


def chain_of(node: ast.AST) -> list[str]:
    """Return the names of `A.B.c`; nothing of what is no such chain."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute) and (begun := chain_of(node.value)):
        return [*begun, node.attr]
    return []


def missing_names(path: Path) -> list[str]:
    """Return what a file wants of the classes that it imports from QGIS and Qt, and they do not have."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    known: dict[str, Any] = {}
    missing = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("qgis"):
            module = import_module(str(node.module))
            known |= {one.asname or one.name: getattr(module, one.name, None) for one in node.names}
    for node in ast.walk(tree):
        first, *rest = chain_of(node) or [""]
        thing = known.get(first)
        for name in rest if isinstance(thing, type) else ():
            if not hasattr(thing, name):
                missing.append(".".join([first, *rest]))
                break
            thing = getattr(thing, name)
            if not isinstance(thing, type):
                break  # of a method or value, what it gives is not looked into
    return missing


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: str(path.relative_to(FOLDER)))
def test_every_name_that_the_plugin_uses_is_there(path: Path) -> None:
    assert missing_names(path) == []


def test_a_name_that_is_not_there_is_seen(tmp_path: Path) -> None:
    source = tmp_path / "a.py"
    source.write_text(
        "from qgis.core import Qgis, QgsRasterLayer as L\n"
        "print(Qgis.MessageLevel.Info, Qgis.MessageLevel.Loud, L.gone.there, L.name)\n",
        encoding="utf-8",
    )
    assert sorted(set(missing_names(source))) == ["L.gone", "L.gone.there", "Qgis.MessageLevel.Loud"]
