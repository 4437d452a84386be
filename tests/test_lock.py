"""The versions that the container is made of: each chosen, each known by its content, and what the project asks for."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PINS = dict(re.findall(r"^([\w.-]+)==(\S+)", LOCK, re.MULTILINE))


def wanted() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [Requirement(one) for one in (*project["dependencies"], *project["optional-dependencies"]["postgresql"])]


def test_the_lock_has_a_fitting_version_of_all_that_the_service_asks_for() -> None:
    for one in wanted():
        assert one.specifier.contains(PINS.get(canonicalize_name(one.name), "none")), f"{one}: run make lock"


def test_each_version_is_known_by_its_content_and_no_registry_is_named() -> None:
    entries = [one for one in re.split(r"^(?=[\w])", LOCK, flags=re.MULTILINE) if not one.startswith("#")]
    assert len(entries) == len(PINS)
    assert all(re.fullmatch(r"\S+==\S+( \\\n    --hash=sha256:[0-9a-f]{64})+\n", one) for one in entries)


def test_the_container_is_made_of_them() -> None:
    recipe = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "--require-hashes --requirement /requirements.lock" in recipe
    installs = [line for line in recipe.splitlines() if "pip install" in line]
    assert all("--no-deps" in line or "--require-hashes" in line for line in installs)
