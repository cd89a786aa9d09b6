"""The command line in this process: `await shell("queues")` gives what it printed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import pytest

from services.jobs.__main__ import run
from services.jobs.resources import Jobs

Shell: TypeAlias = Callable[..., Awaitable[str]]


@pytest.fixture
def shell(jobs: Jobs, capsys: pytest.CaptureFixture[str]) -> Shell:
    async def call(*arguments: str) -> str:
        capsys.readouterr()
        await run(list(arguments))
        return capsys.readouterr().out

    return call
