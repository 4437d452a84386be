"""The page *Threats* of SECURITY.md names tests that are there."""

import re

from helpers.service.serving import ROOT

LINK = re.compile(r"\[(test_\w+)\]\(([\w/.]+)\)")


def test_the_test_of_each_promise_is_there() -> None:
    threats = (ROOT / "SECURITY.md").read_text(encoding="utf-8").partition("## Threats")[2]
    named = LINK.findall(threats)
    assert len(named) > 20
    missing = [(test, path) for test, path in named if f"def {test}(" not in (ROOT / path).read_text(encoding="utf-8")]
    assert missing == []
