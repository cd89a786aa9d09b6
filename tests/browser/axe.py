"""axe-core: what a program can find of barriers in a page (https://github.com/dequelabs/axe-core)."""

from __future__ import annotations

from functools import cache
from typing import Any

from playwright.sync_api import Page

from tests.browser.npm import packed_file

_VERSION = "4.10.3"
_INTEGRITY = "sha512-Xm7bpRXnDSX2YE2YFfBk2FnF0ep6tmG7xPh8iHee8MIcrgq762Nkce856dYtJYLkuIoYZvGfTs/PbZhideTcEg=="
# WCAG 2.2 A and AA, and what axe's authors hold for good practice beyond.
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@cache
def _source() -> str:
    return packed_file("axe-core", _VERSION, _INTEGRITY, "axe.min.js")


def findings(page: Page) -> list[str]:
    """What axe finds in the page as it is now: the rule, the place, and what to do about it."""
    page.evaluate(_source())  # by the debugger's way in: no script of the page, so its policy allows it
    run = "tags => axe.run(document, {runOnly: tags, resultTypes: ['violations']})"
    result: dict[str, Any] = page.evaluate(run, _RULES)
    return [
        f"{violation['id']}: {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]
