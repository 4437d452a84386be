"""Hooks of mkdocs: pages from notebooks and from files outside docs/, and links that go between all of them."""

import posixpath
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import notebooks
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

ROOT = Path(__file__).parents[2]
DOCS = PurePosixPath("docs")
OUTSIDE = PurePosixPath("project")
"""Folder of the site with what lies outside docs/, under its own path."""

LINK = re.compile(r"(?<=\]\()([^)\s#]+)(?=[)#])")
LOADS = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?(?:https?:)?//|<link\b[^>]*\bhref=[\"']?(?:https?:)?//"
)
"""What makes a browser fetch something from elsewhere."""

SHIM = "assets/javascripts/iframe-worker.js"
SHIM_ELSEWHERE = "https://unpkg.com/iframe-worker/shim"
FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Take the URL of the sources from pyproject.toml, the one place that has it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    config.extra["sources"] = project["urls"]["Repository"]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each notebook, and what of the project's other folders the navigation names."""
    for path in sorted(notebooks.FOLDER.glob("*.ipynb")):
        text = notebooks.page(notebooks.read(path), path.stem)
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=text))
    files.append(File.generated(config, SHIM, abs_src_path=str(Path(__file__).with_name("iframe-worker.js"))))
    for page in outside_pages(config.nav):
        files.append(File.generated(config, str(OUTSIDE / page), abs_src_path=str(ROOT / page)))
        for picture in sorted((ROOT / page).parent.glob("pictures/*")):
            name = picture.relative_to(ROOT)
            files.append(File.generated(config, str(OUTSIDE / name), abs_src_path=str(picture)))
    return files


def outside_pages(nav: object) -> Iterator[str]:
    """Yield the pages of the navigation that come from outside docs/, by their paths in the project."""
    if isinstance(nav, dict | list):
        for entry in nav.values() if isinstance(nav, dict) else nav:
            yield from outside_pages(entry)
    elif isinstance(nav, str) and PurePosixPath(nav).parts[0] == OUTSIDE.name:
        yield str(PurePosixPath(nav).relative_to(OUTSIDE))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to pages of the site, or, where a file has none, to where the sources are."""
    here = PurePosixPath(page.file.src_uri)
    source = here.relative_to(OUTSIDE) if here.parts[0] == OUTSIDE.name else DOCS / here

    def lead(found: re.Match[str]) -> str:
        link = found[0]
        if ":" in link or link.startswith("/"):
            return link
        target = PurePosixPath(posixpath.normpath(source.parent / link))
        if (ROOT / target / "README.md").is_file():
            target /= "README.md"
        inside = target.is_relative_to(DOCS)
        place = target.relative_to(DOCS) if inside else OUTSIDE / target
        if place.suffix == ".ipynb" and here.parent / here.stem != place.with_suffix(""):
            place = place.with_suffix(".md")
        if files.get_file_from_path(str(place)) is None and not inside:
            kind = "tree" if (ROOT / target).is_dir() else "blob"
            return f"{config.extra['sources']}/{kind}/main/{target}"
        return posixpath.relpath(place, here.parent)

    parts = FENCE.split(markdown)
    return "".join(part if part.startswith("```") else LINK.sub(lead, part) for part in parts)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:  # noqa: ARG001 - mkdocs gives it by name
    """Take the search's helper from the site itself; raises PluginError for a page that loads from elsewhere."""
    return from_here(output, page.url)


def on_post_template(output_content: str, template_name: str, config: MkDocsConfig) -> str:  # noqa: ARG001 - the same
    """Do the same for the page of what is not found."""
    return from_here(output_content, template_name)


def from_here(html: str, url: str) -> str:
    """Return the page with nothing loaded from elsewhere; raises PluginError where that cannot be."""
    html = html.replace(SHIM_ELSEWHERE, get_relative_url(SHIM, url))
    if found := LOADS.search(html):
        raise PluginError(f"{url} loads something from elsewhere: {found[0]}")
    return html
