"""The page and the plugin import nothing of geosar: what they name again must be what it names."""

import ast
import re
from pathlib import Path

from geosar.vocabulary import POLARISATIONS, Compression, Unit
from geosar_tiler.layer_kinds import NAMES
from geosar_tiler.state.states import LIVE

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "webmap" / "page" / "js"
PLUGIN = ROOT / "qgis_plugin" / "geosar_qgis"


def words(path: Path, name: str) -> tuple[str, ...]:
    """Return the words that a constant of a module of the page or the plugin holds."""
    text = path.read_text(encoding="utf-8")
    match = re.search(rf"^(?:export )?(?:const )?{name} = [\[(](.*?)[\])];?$", text, re.MULTILINE)
    assert match is not None, f"{path} has no {name}"
    return tuple(ast.literal_eval(f"[{match[1]}]"))


def test_the_plugin_offers_every_unit_and_every_polarisation() -> None:
    base = PLUGIN / "algorithms" / "base.py"
    assert words(base, "UNITS") == ("", *Unit)
    assert tuple(one for one in words(base, "POLARISATIONS") if len(one) == 2) == POLARISATIONS


def test_the_page_knows_every_polarisation_and_offers_every_compression() -> None:
    assert words(PAGE / "service" / "polarisationpairs.js", "ORDER") == POLARISATIONS
    panel = (PAGE / "panels" / "translatepanel.js").read_text(encoding="utf-8")
    assert str([str(each) for each in Compression]).replace("'", '"') in panel


def test_the_page_shows_layers_that_the_service_has() -> None:
    assert set(words(PAGE / "view.js", "LAYERS")) - {"other"} <= set(NAMES)


def test_page_and_plugin_watch_the_jobs_that_are_not_done() -> None:
    assert words(PLUGIN / "client" / "answers.py", "LIVE") == LIVE
    live = re.search(r"isLive = .*", (PAGE / "service" / "jobs.js").read_text(encoding="utf-8"))
    assert live is not None
    assert tuple(re.findall(r'"(\w+)"', live[0])) == LIVE
