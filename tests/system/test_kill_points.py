"""Killed at any step that writes, the service loses nothing that was acknowledged, and one sweep leaves nothing behind.

GEOSAR_KILLS_EVERY=1 kills at each single write, not once in each function of each operation.
"""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import geosar_tiler
from helpers.rasters import speckled, write_raster

ROOT = Path(geosar_tiler.__file__).parent
NAMES = {"base": 1, "VV": 2, "VH": 3, "picture": 4}

ELSEWHERE = {
    "demo.py:*": "a program of its own",
    "jobs/publish_copy.py:published_as_cog": "in the process of a job, which is killed at random in test_kills.py",
    "ingest/fetch.py:fetch": "what comes from elsewhere, into a folder of its own",
    "ingest/receive.py:*": "what comes in, into a folder of its own",
    "routes/health.py:_disk": "a probe, which is removed when it is older than a minute",
    "signatures.py:_kept": "once in the life of a store, whole or not at all",
    "state/owners.py:*": "locks, which others find free",
    "state/confinement.py:tried": "a try of geosar doctor, in a folder of its own",
    "state/locks.py:exclusive": "an empty file",
    "jobs/reference_copy.py:_write": "in the process of a job",
    "jobs/sar_copy.py:write_display": "in the process of a job",
    "tiles/direct.py:write_decibel": "into a folder of its own",
    "state/store.py:Store.__init__": "empty folders",
    "state/store.py:Store.keep_reserve": "a reserve, whole or removed",
    "state/store.py:Store.release_reserve": "a reserve, whole or removed",
    "state/store.py:Store.restore_scene": "where the database fails, in test_agreement.py",
    "tiles/block_cache.py:*": "can be made again, and is known by its checksum",
    "tiles/direct.py:DirectScene.overview": "into a folder of its own",
    "state/catalogue.py:rename": "one row",
    "jobs/queue.py:requeue_stale": "what mends is done again: it runs after each kill here",
    "jobs/copies.py:order_again": "what mends is done again, in test_agreement.py",
    "jobs/runner.py:JobRunner._ended": "on a full disk, in attack/storage/test_full_disk.py",
}
"""Functions that write and are not killed here, and why."""

_ROWS = re.compile(r"\b(update|delete)\(|session\.(add|delete)\(|\border\(session")
_PATHS = {
    "unlink", "mkdir", "rmdir", "touch", "write_bytes", "write_text", "rmtree", "copyfile", "copytree",
    "symlink_to", "hardlink_to",
}  # fmt: skip
WRITING = {"w", "wb", "ab", "r+b", "xb"}


def writes(function: ast.AST) -> bool:
    """Whether a function changes files, or rows in a transaction that it begins."""
    for node in ast.walk(function):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        name = node.func.attr
        renamed = name == "replace" and len(node.args) == 1 and not node.keywords
        opened = name == "open" and any(isinstance(one, ast.Constant) and one.value in WRITING for one in node.args)
        if name in _PATHS or renamed or opened or name == "write_always":
            return True
        if name == "begin" and _ROWS.search(ast.unparse(function)):
            return True
    return False


def steps() -> set[str]:
    """Every function of the service that writes, as "file:function"."""
    found = set()
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            inside = node.body if isinstance(node, ast.ClassDef) else [node]
            owner = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
            functions = [one for one in inside if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
            found |= {f"{name}:{owner}{one.name}" for one in functions if writes(one)}
    return found


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("dying")
    for name, seed in NAMES.items():
        write_raster(folder / f"{name}_VV.tif", speckled((64, 64), seed=seed), units="power")
    tests = Path(__file__).parents[1]
    every = ["every"] if os.environ.get("GEOSAR_KILLS_EVERY") else []
    program = [sys.executable, str(tests / "helpers" / "service" / "dying.py"), str(folder), *every]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent / "src")])}
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_kill_at_any_step_loses_nothing_and_leaves_nothing(told: dict[str, Any]) -> None:
    assert told["wrong"] == {}


def test_each_step_that_writes_is_killed_at_or_has_a_reason(told: dict[str, Any]) -> None:
    known = steps()
    left = {one for one in known - set(told["seen"]) - set(ELSEWHERE) if f"{one.partition(':')[0]}:*" not in ELSEWHERE}
    assert left == set(), "a step that writes: let an operation of helpers/service/dying.py reach it, or say why not"
    of_files = {f"{one.partition(':')[0]}:*" for one in known}
    assert set(ELSEWHERE) - known - of_files == set(), "no step any more"
