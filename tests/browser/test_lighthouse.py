"""Lighthouse on the pages most shoppers begin with: speed on a slow phone, and good manners."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.browser.conftest import ARGUMENTS
from tests.browser.npm import installed_program
from tests.conftest import needs_program

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.alone]

_VERSION = "12.8.2"
_SECONDS = 180
SCORE_MIN = 0.95


@pytest.fixture(scope="module")
def product_path(base_url: str) -> str:
    found = httpx.get(f"{base_url}/api/catalog/products", params={"limit": 1}).json()["items"]
    return f"/products/{found[0]['slug']}"


@pytest.mark.parametrize("page", ["home", "category", "product"])
def test_lighthouse_gives_at_least_95_and_nothing_shifts(
    page: str, base_url: str, product_path: str, tmp_path: Path
) -> None:
    path = {"home": "/", "category": "/categories/kitchen", "product": product_path}[page]
    report = tmp_path / "report.json"
    subprocess.run(
        [
            installed_program("lighthouse", _VERSION),
            base_url + path,
            "--quiet",
            "--output=json",
            f"--output-path={report}",
            f"--chrome-flags=--headless=new {' '.join(ARGUMENTS)}",
        ],
        check=True,
        timeout=_SECONDS,
        env={**os.environ, "CHROME_PATH": needs_program("chromium", "chromium-browser", "google-chrome")},
    )
    found = json.loads(report.read_bytes())
    scores = {name: category["score"] for name, category in found["categories"].items()}
    wrong = [
        f"{audit['id']}: {audit['title']} {audit.get('displayValue', '')}"
        for audit in found["audits"].values()
        if audit["score"] is not None and audit["score"] < SCORE_MIN
    ]
    assert min(scores.values()) >= SCORE_MIN, (scores, wrong)
    assert found["audits"]["cumulative-layout-shift"]["numericValue"] == 0
