"""Lighthouse on the pages most shoppers begin with: speed on a slow phone, and good manners."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.browser.conftest import ARGUMENTS
from tests.browser.npm import installed_program
from tests.conftest import needs_program

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.alone]

_VERSION = "12.8.2"
_SECONDS = 180
SCORE_MIN = 0.95
_RUNS_MAX = 3  # for speed alone: whatever else the machine does can only make it worse


@pytest.fixture(scope="module")
def product_path(base_url: str) -> str:
    found = httpx.get(f"{base_url}/api/catalog/products", params={"limit": 1}).json()["items"]
    return f"/products/{found[0]['slug']}"


def _reported(url: str, report: Path) -> dict[str, Any]:
    subprocess.run(
        [
            installed_program("lighthouse", _VERSION),
            url,
            "--quiet",
            "--output=json",
            f"--output-path={report}",
            f"--chrome-flags=--headless=new {' '.join(ARGUMENTS)}",
        ],
        check=True,
        timeout=_SECONDS,
        env={**os.environ, "CHROME_PATH": needs_program("chromium", "chromium-browser", "google-chrome")},
    )
    found: dict[str, Any] = json.loads(report.read_bytes())
    return found


@pytest.mark.parametrize("page", ["home", "category", "product"])
def test_lighthouse_gives_at_least_95_and_nothing_shifts(
    page: str, base_url: str, product_path: str, tmp_path: Path
) -> None:
    path = {"home": "/", "category": "/categories/kitchen", "product": product_path}[page]
    speeds: list[float] = []
    while len(speeds) < _RUNS_MAX and max(speeds, default=0) < SCORE_MIN:
        found = _reported(base_url + path, tmp_path / "report.json")
        scores = {name: category["score"] for name, category in found["categories"].items()}
        speeds.append(scores.pop("performance"))
        wrong = [
            f"{audit['id']}: {audit['title']} {audit.get('displayValue', '')}"
            for audit in found["audits"].values()
            if audit["score"] is not None and audit["score"] < SCORE_MIN
        ]
        assert min(scores.values()) >= SCORE_MIN, (scores, wrong)
        assert found["audits"]["cumulative-layout-shift"]["numericValue"] == 0
    assert max(speeds) >= SCORE_MIN, (speeds, wrong)
