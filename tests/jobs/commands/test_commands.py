"""The same verbs from a shell: tables for people, JSON for programs."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from services.errors import Invalid
from services.jobs.backend import NewJob, NotInState
from services.jobs.commands.shell import NotConfirmed
from services.jobs.resources import Jobs
from services.jobs.staff import accounts, login
from services.jobs.staff.audit import AuditFilter, entries
from tests.jobs.backlog import dead_fast_jobs, dead_jobs, ready_jobs, states
from tests.jobs.commands.conftest import Shell
from tests.jobs.conftest import Owner


async def told(shell: Shell, *arguments: str) -> Any:
    return json.loads(await shell(*arguments, "--json"))


async def test_jobs_are_listed_as_a_table_and_as_json(shell: Shell, owner: Owner) -> None:
    [job_id] = await dead_jobs(owner, 1)
    header, row = (await shell("jobs", "--state", "dead")).splitlines()
    assert header.split() == ["ID", "QUEUE", "ACTOR", "STATE", "ATTEMPTS", "AT", "ARGUMENTS", "ERROR"]
    assert row.split()[:4] == [job_id, "default", "tests.nobody", "dead"]
    [item] = (await told(shell, "jobs", "--state", "dead"))["items"]
    assert (item["id"], item["error"]) == (job_id, "ValueError: out of tea")


async def test_a_page_says_how_to_go_on(shell: Shell, owner: Owner) -> None:
    await dead_jobs(owner, 3)
    first = await told(shell, "jobs", "--state", "dead", "--limit", "2")
    rest = await told(shell, "jobs", "--state", "dead", "--cursor", first["next_cursor"])
    assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (2, 1, None)


async def test_what_a_job_carries_does_not_reach_the_terminal_s_controls(shell: Shell, jobs: Jobs) -> None:
    job_id = await jobs.backend("durable").enqueue(NewJob(actor="tests.nobody", args=["\x1b[2J\nred"]))
    for output in (await shell("jobs", "--state", "ready"), await shell("job", job_id)):
        assert "\x1b" not in output
    assert (await told(shell, "job", job_id))["args"] == ["\x1b[2J\nred"]


async def test_a_job_is_shown_masked_and_revealed_on_record(shell: Shell, jobs: Jobs) -> None:
    job = NewJob(actor="tests.nobody", args=[{"password": "tea and biscuits"}])
    job_id = await jobs.backend("durable").enqueue(job)
    assert "biscuits" not in await shell("job", job_id)
    assert "biscuits" in await shell("job", f"durable:{job_id}", "--reveal")
    [entry] = (await entries(jobs.database, AuditFilter(action="job.reveal"))).items
    assert (entry.by, entry.role) == ("shell", "admin")


@pytest.mark.parametrize("backend", ["durable", "fast"])
async def test_one_job_is_retried_on_its_own_backend(
    shell: Shell, jobs: Jobs, owner: Owner, backend: str
) -> None:
    [job_id] = await (dead_jobs(owner, 1) if backend == "durable" else dead_fast_jobs(jobs, 1))
    assert await shell("retry", job_id, "--backend", backend) == f"retried {job_id}\n"
    assert (await jobs.backend(backend).job(job_id)).card.state == "ready"
    with pytest.raises(NotInState):
        await shell("retry", f"{backend}:{job_id}")


async def test_all_that_fit_are_retried_by_a_bulk_action_that_is_followed_and_cancelled(
    shell: Shell, owner: Owner
) -> None:
    await dead_jobs(owner, 12)
    started = await told(shell, "retry", "--all", "--state", "dead", "--rate", "5", "--yes")
    assert (started["state"], started["expected"], started["rate"]) == ("waiting", 12, 5)
    [listed] = (await told(shell, "bulk", "list"))["items"]
    assert listed["id"] == started["id"]
    assert started["id"] in await shell("bulk", "show", started["id"])
    assert (await told(shell, "bulk", "cancel", started["id"]))["state"] == "cancelled"


async def test_nothing_is_begun_without_a_yes(
    shell: Shell, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    await dead_jobs(owner, 2)
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))  # no terminal: nobody has read the question
    with pytest.raises(NotConfirmed, match="--yes"):
        await shell("discard", "--all", "--state", "dead")
    assert await states(owner) == {"dead": 2}


@pytest.mark.parametrize("arguments", [(), ("some-id", "--all"), ("--all", "--yes")])
async def test_retry_takes_one_job_or_all_in_a_state(shell: Shell, arguments: tuple[str, ...]) -> None:
    with pytest.raises(Invalid):
        await shell("retry", *arguments)


async def test_queues_are_paused_and_resumed(shell: Shell, jobs: Jobs) -> None:
    async def paused() -> set[str]:
        items = (await told(shell, "queues"))["items"]
        return {f"{queue['backend']}:{queue['name']}" for queue in items if queue["paused"]}

    await shell("pause", "default")
    await shell("pause", "default", "--backend", "fast")
    assert await paused() == {"durable:default", "fast:default"}
    await shell("resume", "default")
    assert await paused() == {"fast:default"}


async def test_without_redis_the_queues_of_the_other_half_are_shown(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_QUEUE_URL", "redis://127.0.0.1:9/1")
    shown = await told(shell, "queues")
    assert [queue["backend"] for queue in shown["items"]] == ["durable"]
    assert [half["backend"] for half in shown["away"]] == ["fast"]


async def test_recurring_tasks_are_listed_run_and_paused(shell: Shell, owner: Owner) -> None:
    name = (await told(shell, "recurring"))["items"][0]["name"]
    await shell("recurring", "run", name)
    assert await owner.fetchval("SELECT count(*) FROM jobs.jobs") == 1
    await shell("recurring", "pause", name)
    [task] = [t for t in (await told(shell, "recurring"))["items"] if t["name"] == name]
    assert task["paused_at"] is not None


async def test_the_audit_log_tells_who_did_it_from_a_shell(shell: Shell) -> None:
    await shell("pause", "default")
    [entry] = (await told(shell, "audit", "--action", "queue"))["items"]
    assert (entry["by"], entry["role"], entry["target"]) == ("shell", "admin", "durable:default")


async def test_workers_and_failures_have_their_lists(shell: Shell, jobs: Jobs) -> None:
    assert (await told(shell, "workers"))["items"] == []
    assert (await told(shell, "failures"))["items"] == []
    await ready_jobs(jobs, "durable", 1)
    assert (await shell("workers")).startswith("BACKEND")


async def test_accounts_are_made_by_a_password_from_a_pipe_and_disabled(
    shell: Shell, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, role in (("grace", "admin"), ("ada", "viewer")):
        monkeypatch.setattr("sys.stdin", io.StringIO("a long enough secret\n"))
        await shell("staff", "add", name, "--role", role)
    assert await login.log_in(jobs.database, "ada", "a long enough secret") is not None
    monkeypatch.setattr("sys.stdin", io.StringIO("another long secret\n"))
    await shell("staff", "password", "ada")
    assert await login.log_in(jobs.database, "ada", "another long secret") is not None
    await shell("staff", "disable", "ada")
    assert await login.log_in(jobs.database, "ada", "another long secret") is None
    with pytest.raises(accounts.LastAdmin):
        await shell("staff", "disable", "grace")
    listed = (await told(shell, "staff", "list"))["items"]
    assert {account["name"]: account["disabled_at"] is None for account in listed} == {
        "grace": True,
        "ada": False,
    }


async def test_a_token_is_shown_once_and_revoked(shell: Shell) -> None:
    made = await told(shell, "tokens", "add", "robot", "--role", "viewer", "--days", "7")
    assert made["token"].startswith("kiosk_")
    [listed] = (await told(shell, "tokens", "list"))["items"]
    assert (listed["name"], listed["good"], made["token"] in str(listed)) == ("robot", True, False)
    await shell("tokens", "revoke", listed["id"])
    [listed] = (await told(shell, "tokens", "list"))["items"]
    assert listed["good"] is False
