"""Generated calls against the running API: nothing breaks it, and it says nothing undocumented."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ADMIN_KEY

pytestmark = pytest.mark.slow

DOCUMENT = Path(__file__).parent.parent.parent / "services" / "storefront" / "openapi.json"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
CALLS_MIN = 5000
# CPython 3.11 fails now and then where two threads parse at once (https://github.com/python/cpython/issues/106905),
# as `st` does with more workers; no faster with them either.
ONE_WORKER = ["--workers", "1"]
# Its body is NDJSON, which `st` can't write; and what calls the jobs may do to a shop that others test is
# tried on a service of its own (tests/jobs/api/test_generated_calls.py).
LEFT_OUT = ["--exclude-operation-id", "catalog.import_products", "--exclude-tag", "jobs"]


def test_no_generated_call_gets_a_5xx_or_an_undocumented_answer(base_url: str, tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("st")), "run", str(DOCUMENT), "--url", base_url]
    options = ["--checks", CHECKS, "--phases", "coverage,fuzzing", "--max-examples", "250", *ONE_WORKER]
    # With the shopkeeper's key, where we have it: without it every call of his is only a 401.
    key = os.environ.get("ADMIN_API_KEY") if "BASE_URL" in os.environ else ADMIN_KEY
    options += ["--header", f"Authorization: Bearer {key}"] if key else []
    done = subprocess.run(
        [*command, *options, *LEFT_OUT, "--suppress-health-check", "all"],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    generated = re.search(r"(\d[\d,]*) generated", done.stdout)
    assert generated is not None, done.stdout[-2000:]
    assert int(generated[1].replace(",", "")) >= CALLS_MIN, done.stdout[-2000:]
