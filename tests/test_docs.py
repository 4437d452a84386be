"""The manual: its links lead somewhere, and its notebooks run and give what is stored."""

import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
SITE = ROOT / "docs" / "site"
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
FENCE = re.compile(r"^(```+).*?^\1$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
FOLDERS = (".", "docs", "docs/adr", "geosar/packaged/s1-rgb", "geosar/packaged/s1-falsecolour", "benchmarks")
PAGES = sorted(page for folder in FOLDERS for page in (ROOT / folder).glob("*.md"))


def text_of(path: Path) -> str:
    """Return a page's prose; of a notebook, its cells of text."""
    if path.suffix == ".ipynb":
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def anchors(path: Path) -> set[str]:
    """Return the names that GitHub, and the site as it, give to the headings of a page."""
    names = (re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in HEADING.findall(text_of(path)))
    return {re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-") for name in names}


@pytest.fixture
def notebooks(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SITE))
    sys.modules.pop("notebooks", None)
    import notebooks  # noqa: PLC0415 - a script beside the manual, not a package

    return notebooks


@pytest.mark.parametrize("page", [*PAGES, *NOTEBOOKS], ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page: Path) -> None:
    dead = []
    for link in LINK.findall(CODE.sub("", text_of(page))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert not dead


def test_what_contributing_says_of_where_things_are_is_so() -> None:
    """Each row of the table names files that are there, and after them what is in them."""
    table = (
        (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Where things are")[2].partition("\n\n")[0]
    )
    rows = [re.findall(r"`([^`]+)`", row) for row in table.splitlines()[3:]]
    assert len(rows) >= 5
    for names in rows:
        files = [ROOT / name for name in names if "/" in name]
        assert files
        assert all(file.exists() for file in files)
        texts = "".join(file.read_text(encoding="utf-8") for place in files for file in _modules(place))
        words = [name.rpartition(".")[2] for name in names if "/" not in name and not name.endswith(".py")]
        assert all(re.search(rf"\b(?:def|class) {word}\b|^{word}\b", texts, re.MULTILINE) for word in words)


def _modules(place: Path) -> list[Path]:
    return sorted(place.glob("*.py")) if place.is_dir() else [place]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_gives_what_is_stored(path: Path, notebooks: ModuleType, tmp_path: Path) -> None:
    pytest.importorskip("nbclient")
    pixels, stored = notebooks.run(path, tmp_path), notebooks.read(path)

    def kinds(notebook: dict) -> list[list[str]]:
        return [
            [kind for output in cell["outputs"] for kind in sorted(output.get("data", {"text": ""}))]
            for cell in notebooks.code_cells(notebook)
        ]

    assert kinds(pixels) == kinds(stored)
    assert "Traceback" not in json.dumps(pixels)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_as_a_page_has_its_code_and_pictures_and_fetches_nothing(path: Path, notebooks: ModuleType) -> None:
    stored = notebooks.read(path)
    page = notebooks.page(stored, path.stem)
    assert all("".join(cell["source"]) in page for cell in stored["cells"])
    pictures = sum(
        "image/png" in output.get("data", {}) for cell in notebooks.code_cells(stored) for output in cell["outputs"]
    )
    assert page.count("data:image/png;base64,") >= pictures > 0
    assert not notebooks.FETCHES.search(page)
    assert path.stat().st_size < 1_000_000


def test_progress_bars_are_stored_as_a_terminal_shows_them_in_the_end(notebooks: ModuleType) -> None:
    chunks = ["  0%|   | 0/2", "\r 50%|# | 1/2", "\r100%|##| 2/2\r\n", "done\n", "\x1b[31mred\x1b[0m\n"]
    cell = {
        "cell_type": "code",
        "outputs": [{"output_type": "stream", "name": "stdout", "text": chunk} for chunk in chunks],
    }
    tidied = notebooks.tidied({"cells": [cell], "metadata": {}})
    assert tidied["cells"][0]["outputs"] == [
        {"output_type": "stream", "name": "stdout", "text": ["100%|##| 2/2\n", "done\n", "red\n"]}
    ]


def test_text_that_holds_a_fence_is_shown_whole(notebooks: ModuleType) -> None:
    assert notebooks.fenced("a\n```\nb\n```\n") == "````text\na\n```\nb\n```\n````"
