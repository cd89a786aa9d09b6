"""Generated calls against the API of jobs, by an admin: none breaks it, and it says nothing undocumented."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.jobs.app import service
from services.jobs.resources import Jobs
from services.lifecycle import Lifecycle
from services.process import listen, server
from services.settings import ProcessSettings
from tests.jobs.api.conftest import token_of
from tests.jobs.backlog import dead_fast_jobs, dead_jobs, ready_jobs
from tests.jobs.conftest import Owner
from tests.journeys.test_generated_calls import CHECKS, DOCUMENT, ONE_WORKER

pytestmark = pytest.mark.slow

CALLS_MIN = 2000


@pytest.fixture
async def url(jobs: Jobs, owner: Owner) -> AsyncIterator[str]:
    """The service on a port, with jobs to find."""
    await dead_jobs(owner, 20)
    await dead_fast_jobs(jobs, 20)
    await ready_jobs(jobs, "durable", 20)
    settings, lifecycle = ProcessSettings.read(), Lifecycle(started=True)
    listening = listen("127.0.0.1", 0)
    async with service.resources(settings, lifecycle) as resources:
        running = server(service.app(settings, lifecycle, resources), settings)
        serving = asyncio.create_task(running.serve([listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        running.should_exit = True
        await serving


async def test_no_generated_call_gets_a_5xx_or_an_undocumented_answer(
    url: str, jobs: Jobs, tmp_path: Path
) -> None:
    header = f"Authorization: Bearer {await token_of(jobs, 'admin')}"
    options = ["--checks", CHECKS, "--phases", "coverage,fuzzing", "--max-examples", "100", *ONE_WORKER]
    done = await asyncio.create_subprocess_exec(
        *[str(Path(sys.executable).with_name("st")), "run", str(DOCUMENT), "--url", url],
        *[*options, "--include-tag", "jobs", "--header", header, "--suppress-health-check", "all"],
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await done.communicate())[0].decode()
    assert done.returncode == 0, output[-8000:]
    generated = re.search(r"(\d[\d,]*) generated", output)
    assert generated is not None, output[-2000:]
    assert int(generated[1].replace(",", "")) >= CALLS_MIN, output[-2000:]
