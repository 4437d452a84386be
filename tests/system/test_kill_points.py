"""Killed at any step that writes, the service loses nothing that was acknowledged, and one sweep leaves nothing behind.

GEOSAR_KILLS_EVERY=1 kills at each single write, not once in each function of each operation.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import geosar_tiler
from helpers.rasters import speckled, write_raster
from helpers.tiny_model import write_model

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
    "tiles/open_scenes/direct.py:write_decibel": "into a folder of its own",
    "state/store.py:Store.__init__": "empty folders",
    "state/store.py:Store.keep_reserve": "a reserve, whole or removed",
    "state/store.py:Store.release_reserve": "a reserve, whole or removed",
    "state/store.py:Store.restore_scene": "where the database fails, in test_agreement.py",
    "tiles/open_scenes/block_cache.py:*": "can be made again, and is known by its checksum",
    "tiles/open_scenes/direct.py:DirectScene.overview": "into a folder of its own",
    "state/catalogue.py:rename": "one row",
    "jobs/queue.py:requeue_stale": "what mends is done again: it runs after each kill here",
    "jobs/copies.py:order_again": "what mends is done again, in test_agreement.py",
    "ingest/agreement.py:_Rows.of": "reads",
    "routes/stac.py:_page": "reads",
    "ingest/agreement.py:_mend": "what mends is done again: it runs after each kill here",
    "routes/uploads_tus.py:_append": "of a file that comes in parts, whose length is how far it is",
    "state/database.py:Database.write_always": "what others write with",
    "state/database.py:_add_new_columns": "at each start, until it is done",
    "jobs/runner.py:JobRunner._ended": "on a full disk, in attack/storage/test_full_disk.py",
}
"""Functions that write and are not killed here, and why."""

_CHANGES = re.compile(r"\b(update|delete|insert)\(|\b(ALTER|CREATE|DROP|INSERT|UPDATE|DELETE) ")
_READS = {"get", "get_one", "scalar", "scalars", "query"}
"""What a function may ask of a session without changing rows."""
_PATHS = {
    "unlink", "mkdir", "makedirs", "rmdir", "touch", "write_bytes", "write_text", "rmtree", "copyfile", "copytree",
    "symlink_to", "hardlink_to", "rename", "truncate", "posix_fallocate",
}  # fmt: skip
_OF_OS = {"link", "symlink", "remove", "replace", "move"}
"""Names that other things have too."""
_WRITING = re.compile(r"[rbt]*[wax+][abtwx+]*|O_CREAT|O_WRONLY|O_RDWR")


def writes(function: ast.AST) -> bool:
    """Whether a function changes files, or rows in a transaction that it begins."""
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    return any(map(_changes_files, calls)) or any(map(_changes_rows, _transactions(function)))


def _changes_files(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in {"open", "fdopen"}:
        values = [*call.args, *(one.value for one in call.keywords)]
        modes = [one.value for one in values if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        flags = [node.attr for one in values for node in ast.walk(one) if isinstance(node, ast.Attribute)]
        return any(_WRITING.fullmatch(one) for one in (*modes, *flags))
    if not isinstance(call.func, ast.Attribute):
        return False
    of = ast.unparse(call.func.value)
    renamed = name == "replace" and len(call.args) == 1 and not call.keywords
    moved = (name in _OF_OS and of in {"os", "shutil"}) or (name == "copy" and of.endswith("shutil"))
    return renamed or moved or name == "write_always" or (name in _PATHS and of != "catalogue")


def _transactions(function: ast.AST) -> Iterator[tuple[str, ast.With, str]]:
    """Find the blocks of `with ....begin() as NAME` in a function; returns its text, too."""
    for node in ast.walk(function):
        for item in node.items if isinstance(node, ast.With) else ():
            if isinstance(item.optional_vars, ast.Name) and ast.unparse(item.context_expr).endswith(".begin()"):
                yield item.optional_vars.id, node, ast.unparse(function)


def _changes_rows(transaction: tuple[str, ast.With, str]) -> bool:
    """Whether it does more than to read: asks for a change, gives the session away, or sets what a row may hold."""
    name, block, text = transaction
    for node in (one for line in block.body for one in ast.walk(line)):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(one, ast.Attribute) for one in targets):
            return True
        if not isinstance(node, ast.Call):
            continue
        if any(isinstance(one, ast.Name) and one.id == name for one in node.args):
            return True
        func = node.func
        if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name) and func.value.id == name:
            asks = func.attr == "execute" and not _CHANGES.search(text)
            if not asks and func.attr not in _READS:
                return True
    return False


def steps() -> set[str]:
    """Every function of the service that writes, as "file:function"."""
    names = set()
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            inside = node.body if isinstance(node, ast.ClassDef) else [node]
            owner = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
            functions = [one for one in inside if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
            names |= {f"{name}:{owner}{one.name}" for one in functions if writes(one)}
    return names


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("dying")
    for name, seed in NAMES.items():
        write_raster(folder / f"{name}_VV.tif", speckled((64, 64), seed=seed), units="power")
    shutil.make_archive(str(folder / "model_tiny"), "zip", write_model(folder / "tiny"))
    tests = Path(__file__).parents[1]
    every = ["every"] if os.environ.get("GEOSAR_KILLS_EVERY") else []
    program = [sys.executable, str(tests / "helpers" / "service" / "dying.py"), str(folder), *every]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent / "src")])}
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_a_kill_at_any_step_loses_nothing_and_leaves_nothing(report: dict[str, Any]) -> None:
    assert report["wrong"] == {}


def test_each_step_that_writes_is_killed_at_or_has_a_reason(report: dict[str, Any]) -> None:
    known = steps()
    left = {
        one for one in known - set(report["seen"]) - set(ELSEWHERE) if f"{one.partition(':')[0]}:*" not in ELSEWHERE
    }
    assert left == set(), "a step that writes: let an operation of helpers/service/dying.py reach it, or say why not"
    of_files = {f"{one.partition(':')[0]}:*" for one in known}
    assert set(ELSEWHERE) - known - of_files == set(), "no step any more"
