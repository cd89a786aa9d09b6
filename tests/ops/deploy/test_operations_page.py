"""docs/operations.md keeps step with the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ops.deploy import causes
from ops.deploy.__main__ import MODULES

ROOT = Path(__file__).parent.parent.parent.parent
PAGE = (ROOT / "docs" / "operations.md").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", [name for name in vars(causes) if name.isupper() and name != "_PATTERNS"])
def test_each_likely_cause_is_on_the_page(name: str) -> None:
    cause = getattr(causes, name)
    assert _beginning(cause.likely) in PAGE or cause.likely.startswith("nothing that is known")


def test_each_pattern_of_a_failure_is_on_the_page() -> None:
    assert [one.likely for one in causes._PATTERNS if _beginning(one.likely) not in PAGE] == []


def _beginning(likely: str) -> str:
    return re.split(r"[{:]| it took", likely)[0].strip()


def test_each_verb_is_on_the_page() -> None:
    assert [verb for verb in MODULES if f"make {verb}" not in PAGE] == []


def test_each_command_on_the_page_is_one_of_make() -> None:
    asked = set(re.findall(r"`make ([a-z-]+)", PAGE))
    assert asked - TARGETS == {"help"}
