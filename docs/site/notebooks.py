"""Notebooks of the manual: run them, and store what they gave; or make pages of the site of them.

``python docs/site/notebooks.py [NAME ...]`` runs docs/notebooks/NAME.ipynb, all by default, in a temporary folder and
writes the outputs into the file. It needs geosar with its extra `train`, `nbclient` and `ipykernel`.
"""

import argparse
import base64
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "notebooks"
SECONDS = 600
FETCHES = re.compile(r"(?:src|href)=(?:&quot;|\")https?://")
"""HTML that would load something from elsewhere: such a map is not put into a site that needs no network."""
CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")

Notebook = dict[str, Any]


def read(path: Path) -> Notebook:
    """Return a notebook as it is stored."""
    notebook: Notebook = json.loads(path.read_text(encoding="utf-8"))
    return notebook


def run(path: Path, folder: Path) -> Notebook:
    """Run all cells with `folder` as working folder; raises CellExecutionError with the cell and its error."""
    import nbformat  # noqa: PLC0415 - pages are made without it
    from nbclient import NotebookClient  # noqa: PLC0415 - the same

    notebook = nbformat.read(path, as_version=4)
    # Commands of this very Python, wherever the notebook says `!geosar-train`.
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    client = NotebookClient(
        notebook, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute(env=environment)
    return tidied(json.loads(nbformat.writes(notebook)))


def tidied(notebook: Notebook) -> Notebook:
    """Return the notebook without what changes from run to run, and with progress bars at their end."""
    for cell in code_cells(notebook):
        cell["metadata"] = {}
        outputs: list[dict[str, Any]] = []
        for output in cell["outputs"]:
            if output["output_type"] == "stream" and outputs and outputs[-1].get("name") == output["name"]:
                outputs[-1]["text"] += output["text"]
            else:
                outputs.append(output)
        for output in outputs:
            if output["output_type"] == "stream":
                output["text"] = settled("".join(output["text"])).splitlines(keepends=True)
        cell["outputs"] = outputs
    notebook["metadata"]["language_info"] = {"name": "python"}
    return notebook


def code_cells(notebook: Notebook) -> Iterator[dict[str, Any]]:
    """Yield the cells of code."""
    return (cell for cell in notebook["cells"] if cell["cell_type"] == "code")


def settled(text: str) -> str:
    """Return what a terminal shows in the end, without its colours: of a line that is written anew, the last."""
    text = CONTROL.sub("", text).replace("\r\n", "\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))


def page(notebook: Notebook, name: str) -> str:
    """Return the notebook as a page in Markdown: code, and under it what it gave."""
    parts = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
        elif source:
            parts.append(f"```python\n{source}\n```")
            parts += [shown(output) for output in cell["outputs"]]
    parts.append(f"[This page as a notebook]({name}.ipynb)")
    return "\n\n".join(part for part in parts if part) + "\n"


def shown(output: Mapping[str, Any]) -> str:
    """Return one output of a cell as Markdown; what is empty or loads from elsewhere is left out."""
    if output["output_type"] == "stream":
        return fenced("".join(output["text"]))
    data = {kind: value if isinstance(value, str) else "".join(value) for kind, value in output["data"].items()}
    if "image/png" in data:
        picture = "".join(data["image/png"].split())
        base64.b64decode(picture, validate=True)
        return f'<img alt="What the cell shows" src="data:image/png;base64,{picture}">'
    html = data.get("text/html", "")
    if html and not FETCHES.search(html):
        return f"<div>{' '.join(html.splitlines())}</div>" if "srcdoc" not in html else framed(html)
    return "" if html else fenced(data.get("text/plain", ""))


def framed(html: str) -> str:
    """Return the frame of a map, which stands in a notebook's own markup, as one element."""
    found = re.search(r'srcdoc="([^"]*)"', html)
    inside = "&#10;".join(found.group(1).splitlines()) if found else ""
    return f'<iframe title="A map" srcdoc="{inside}" width="100%" height="620" style="border: 0"></iframe>'


def fenced(text: str) -> str:
    """Return text as a block that nothing in it can end."""
    text = text.strip("\n")
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}text\n{text}\n{fence}" if text else ""


def main() -> int:
    """Run the notebooks that are named, and store them with their outputs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="all by default")
    for path in sorted(FOLDER / f"{name}.ipynb" for name in parser.parse_args().names) or sorted(
        FOLDER.glob("*.ipynb")
    ):
        with tempfile.TemporaryDirectory() as folder:
            notebook = run(path, Path(folder))
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        sys.stdout.write(f"{path} ({path.stat().st_size / 1e3:.0f} kB)\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
