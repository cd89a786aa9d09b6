"""The doctor at a real health service: what it prints and how it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import httpx
import pytest

from ops.doctor.__main__ import EXIT_OF, examine, main
from ops.doctor.place import Place, address_place, destination_place
from ops.doctor.report import Seen, SeenCheck, report
from ops.local.state import Running, State
from tests.conftest import ADMIN_KEY
from tests.health.doors import health_service, ops_port, ready_urls
from tests.store import wait_until_async

pytestmark = pytest.mark.anyio

# And slow to judge: what answers late on a busy machine is not silent.
QUICK_TO_LOOK = {"HEALTH_INTERVAL_SECONDS": 0.1, "HEALTH_TIMEOUT_SECONDS": 20}


async def _examined(url: str, key: str | None = ADMIN_KEY) -> int:
    return await asyncio.to_thread(examine, address_place(url, key))


async def _says(url: str, status: str) -> None:
    async def is_so() -> bool:
        async with httpx.AsyncClient(trust_env=False) as client:
            told = (await client.get(f"{url}/health")).json()
            return bool(told["status"] == status) and all(
                check["status"] != "unknown" for check in told["checks"].values()
            )

    await wait_until_async(is_so, f"the store is {status}", 60)


@pytest.fixture
async def staffed(owner: asyncpg.Connection[asyncpg.Record]) -> None:
    """Workers of both kinds, and figures of both queues."""
    for kind in ("durable", "fast"):
        await owner.execute(
            "INSERT INTO jobs.workers (id, kind, host, pid, release, queues, threads, seen_at, leased_until)"
            " VALUES (uuidv7(), $1, 'here', 1, 'r1', '{default}', 4, now() + interval '1 hour',"
            " now() + interval '1 hour')",
            kind,
        )
    await owner.execute(
        "INSERT INTO jobs.queue_samples (backend, queue, depth, oldest_seconds, running, sampled_at)"
        " VALUES ('fast', 'default', 0, 0, 0, now() + interval '1 hour')"
    )


async def test_a_store_that_is_well_ends_with_0_and_tells_the_release_of_every_service(
    database_url: str,
    staffed: None,
    environment: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(ops_port("r1"))
        two = await stack.enter_async_context(ops_port("r1"))
        settings = ready_urls(f"{one},{two}")
        environment(DATABASE_URL=database_url, DISK_FREE_PERCENT_MIN=0, **QUICK_TO_LOOK, **settings)
        url = await stack.enter_async_context(health_service())
        await _says(url, "ok")
        code = await _examined(url)
    told = capsys.readouterr().out
    assert code == 0, told
    assert f"{url}: ok, release test-release" in told
    assert "2 of release r1" in told
    assert "→" not in told


async def test_what_is_degraded_ends_with_1_and_says_what_to_do(
    database_url: str, environment: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    async with ops_port("r1") as ready:
        environment(DATABASE_URL=database_url, **QUICK_TO_LOOK, **ready_urls(ready))
        async with health_service() as url:
            await _says(url, "degraded")
            code = await _examined(url)
    told = capsys.readouterr().out
    assert code == 1
    assert "! queue.durable" in told
    assert "no workers" in told
    assert "→ Workers are missing. Read the log of worker-durable" in told
    assert "✓ database" in told


async def test_what_is_down_ends_with_2_and_without_the_key_the_advice_is_general(
    database_url: str, environment: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    environment(DATABASE_URL=database_url, **QUICK_TO_LOOK, **ready_urls())
    async with health_service() as url:
        await _says(url, "down")
        code, hidden = await _examined(url), await _examined(url, None)
    told = capsys.readouterr().out
    assert (code, hidden) == (2, 2)
    opened, _, closed = told.partition("Details are hidden")
    assert "127.0.0.1:1 does not answer: ConnectError" in opened
    assert "127.0.0.1:1" not in closed.replace(url, "")
    assert "→ A replica does not serve. Read the log of catalog" in opened
    assert "→ A replica does not serve. Read the log of catalog" in closed


async def test_json_is_what_health_says(
    database_url: str,
    environment: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    environment(DATABASE_URL=database_url, **QUICK_TO_LOOK, **ready_urls())
    async with health_service() as url:
        await _says(url, "down")
        code = await asyncio.to_thread(main, ["--url", url, "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (code, told["status"]) == (2, "down")
    assert told["checks"]["catalog"]["detail"]["replicas"]


def test_a_store_that_does_not_answer_ends_with_2_and_says_where_to_look(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--url", "http://127.0.0.1:1"]) == 2
    told = capsys.readouterr().out
    assert "the store does not answer: http://127.0.0.1:1/health: ConnectError" in told
    assert "read the log of traefik" in told


def test_without_a_running_store_it_says_how_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ops.doctor.place.open_state", lambda: State(tmp_path))
    assert main([]) == 2
    assert "`make up`" in capsys.readouterr().out


def test_the_running_store_is_asked_with_its_own_key_and_its_logs_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state = State(tmp_path)
    state.announce(Running(1, "http://127.0.0.1:1", {"ADMIN_API_KEY": "k"}))
    monkeypatch.setattr("ops.doctor.place.open_state", lambda: state)
    assert main([]) == 2
    told = capsys.readouterr().out
    assert str(tmp_path / "logs" / "traefik.log") in told
    assert "`make up`" in told or "make up" in told


def test_a_destination_is_asked_by_its_public_url_and_named_in_every_command(tmp_path: Path) -> None:
    (tmp_path / ".env.staging").write_text("PUBLIC_URL=https://shop.example/\nADMIN_API_KEY=k\n")
    place = destination_place("staging", tmp_path)
    assert (place.url, place.key) == ("https://shop.example", "k")
    assert place.filled_in("Read {logs:redis}, {make:reboot SERVICE=redis}, {make:migrate}.") == (
        "Read `make logs SERVICE=redis TO=staging`, `make reboot SERVICE=redis TO=staging`, "
        "`make deploy TO=staging`."
    )


def _report(status: str, **checks: SeenCheck) -> str:
    place = Place("here", "http://shop", None, "make up")
    return "\n".join(report(Seen(status, "r1", 99.0, checks), place))


def test_since_when_something_is_wrong_is_told_and_nothing_that_a_terminal_obeys() -> None:
    since = datetime.now(UTC) - timedelta(hours=3)
    detail = {"reasons": ["\x1b[2Jgone\n✓ database"], "notes": ["\x07beep"]}
    told = _report("degraded", redis=SeenCheck("degraded", since, detail=detail))
    assert "! redis  degraded for 3 h" in told
    assert "\x1b" not in told
    assert "\x07" not in told
    assert "\n✓ database" not in told


def test_an_old_opinion_is_the_health_services_own_trouble() -> None:
    told = _report("degraded", database=SeenCheck("ok", datetime.now(UTC)))
    assert "the opinion is old (99 s)" in told
    assert "read the log of health" in told


def test_every_status_has_its_exit_code() -> None:
    assert EXIT_OF == {"ok": 0, "degraded": 1, "unknown": 1, "down": 2}
