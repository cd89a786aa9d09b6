"""Bulk actions over the API, and requests that count once."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from services.jobs.resources import Jobs
from services.jobs.staff.audit import AuditFilter, entries
from tests.jobs.api.conftest import Program, Programs
from tests.jobs.backlog import dead_jobs, states
from tests.jobs.conftest import Owner

RETRY_DEAD = {"backend": "durable", "verb": "retry", "wanted": {"state": "dead"}}


async def test_a_bulk_action_is_previewed_started_followed_and_cancelled(
    operator: Program, owner: Owner
) -> None:
    await dead_jobs(owner, 12)
    preview = (await operator.post("/bulk/preview", RETRY_DEAD)).json()
    assert (preview["count"], preview["counted_all"], len(preview["sample"])) == (12, True, 10)
    started = await operator.post("/bulk", {**RETRY_DEAD, "before": preview["before"], "rate": 5})
    assert started.status_code == 201
    action = started.json()
    assert (action["state"], action["expected"], action["by"], action["rate"]) == (
        "waiting",
        12,
        "robot-operator",
        5,
    )
    assert action["before"] == preview["before"]
    assert (await operator.get(f"/bulk/{action['id']}")).json() == action
    assert [one["id"] for one in (await operator.get("/bulk")).json()["items"]] == [action["id"]]
    assert (await operator.post(f"/bulk/{action['id']}/cancel")).json()["state"] == "cancelled"
    assert (await operator.post(f"/bulk/{action['id']}/cancel")).status_code == 409


async def test_pages_of_bulk_actions_go_on(operator: Program) -> None:
    made = []
    for actor in ("a.a", "b.b", "c.c"):
        order = {**RETRY_DEAD, "wanted": {"state": "dead", "actor": actor}}
        made.append((await operator.post("/bulk", order)).json()["id"])
    first = (await operator.get("/bulk", limit=2)).json()
    second = (await operator.get("/bulk", limit=2, cursor=first["next_cursor"])).json()
    assert [one["id"] for one in (*first["items"], *second["items"])] == list(reversed(made))
    assert second["next_cursor"] is None


async def test_a_start_that_comes_twice_at_once_under_one_key_counts_once(
    operator: Program, owner: Owner, jobs: Jobs
) -> None:
    answers = await asyncio.gather(*(operator.post("/bulk", RETRY_DEAD, key="k1") for _ in range(5)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await owner.fetchval("SELECT count(*) FROM jobs.bulk_actions") == 1
    assert await owner.fetchval("SELECT count(*) FROM jobs.jobs WHERE actor = 'jobs.run_bulk'") == 1
    assert len((await entries(jobs.database, AuditFilter(action="bulk.start"))).items) == 1


async def test_a_second_start_without_a_key_is_told_which_one_is_at_work(operator: Program) -> None:
    first = (await operator.post("/bulk", RETRY_DEAD)).json()
    second = await operator.post("/bulk", RETRY_DEAD)
    assert (second.status_code, second.json()["type"], second.json()["bulk"]) == (
        409,
        "/problems/bulk-at-work",
        first["id"],
    )


async def test_a_key_of_another_request_is_refused_and_callers_have_their_own(programs: Programs) -> None:
    assert (await programs.operator.post("/bulk", RETRY_DEAD, key="k1")).status_code == 201
    other = {**RETRY_DEAD, "verb": "discard"}
    refused = await programs.operator.post("/bulk", other, key="k1")
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/idempotency-key-reused")
    assert (await programs.admin.post("/bulk", other, key="k1")).status_code == 201


async def test_a_repeated_retry_under_its_key_answers_alike_and_retries_once(
    operator: Program, owner: Owner, jobs: Jobs
) -> None:
    [job_id] = await dead_jobs(owner, 1)
    first = await operator.post(f"/jobs/durable/{job_id}/retry", key="again")
    second = await operator.post(f"/jobs/durable/{job_id}/retry", key="again")
    assert (second.status_code, second.json()) == (200, first.json())
    assert (await operator.post(f"/jobs/durable/{job_id}/retry")).status_code == 409
    assert len((await entries(jobs.database, AuditFilter(action="job.retry"))).items) == 1


@pytest.mark.parametrize("state", ["dead", "crashed"])
async def test_one_of_a_group_is_retried_first(operator: Program, owner: Owner, state: str) -> None:
    await dead_jobs(owner, 3)
    await owner.execute("UPDATE jobs.jobs SET state = $1", state)
    fingerprint = await owner.fetchval("SELECT jobs.fingerprint('durable', 'ValueError', 'somewhere')")
    await owner.execute("UPDATE jobs.jobs SET fingerprint = $1", fingerprint)
    await owner.execute(
        "INSERT INTO jobs.failure_groups"
        " (fingerprint, backend, actor, error_class, frame, message, first_release, last_release)"
        " VALUES ($1, 'durable', 'tests.nobody', 'ValueError', 'somewhere', 'out of tea', 'r', 'r')",
        fingerprint,
    )
    [group] = (await operator.get("/failures")).json()["items"]
    assert (group["fingerprint"], group["jobs"]) == (fingerprint, 3)
    assert (await operator.post(f"/failures/{fingerprint}/retry-one")).json()["action"] == "job.retry"
    assert await states(owner) == {"queued": 1, state: 2}
    rest = {**RETRY_DEAD, "wanted": {"state": state, "group": fingerprint}}
    assert (await operator.post("/bulk/preview", rest)).json()["count"] == 2


@pytest.mark.parametrize(
    "order",
    [
        {},
        {**RETRY_DEAD, "wanted": {}},
        {**RETRY_DEAD, "wanted": {"state": "done"}},
        {**RETRY_DEAD, "verb": "burn"},
        {**RETRY_DEAD, "rate": 0},
        {**RETRY_DEAD, "before": "2026-01-01T00:00:00"},
        {**RETRY_DEAD, "wanted": {"state": "dead", "text": "a\x00b"}},
        {**RETRY_DEAD, "wanted": {"state": "dead", "colour": "blue"}},
    ],
)
async def test_an_order_that_makes_no_sense_is_refused(operator: Program, order: dict[str, Any]) -> None:
    assert (await operator.post("/bulk", order)).status_code == 422


async def test_an_unknown_bulk_action_is_not_found(operator: Program) -> None:
    for verb in ("", "/cancel"):
        method = "POST" if verb else "GET"
        assert (await operator.call(method, f"/bulk/{uuid.uuid4()}{verb}")).status_code == 404


async def test_what_an_operator_searched_for_is_masked_for_viewers(programs: Programs) -> None:
    order = {"backend": "durable", "verb": "retry", "wanted": {"state": "dead", "text": "anne@example.com"}}
    started = (await programs.operator.post("/bulk", order)).json()
    assert started["wanted"]["text"] == "anne@example.com"
    one = (await programs.viewer.get(f"/bulk/{started['id']}")).json()
    [listed] = (await programs.viewer.get("/bulk")).json()["items"]
    assert (one["wanted"]["text"], listed["wanted"]["text"]) == ("•••", "•••")
    [seen] = (await programs.operator.get("/bulk")).json()["items"]
    assert seen["wanted"]["text"] == "anne@example.com"


async def test_before_all_times_there_was_no_job(operator: Program, owner: Owner) -> None:
    await dead_jobs(owner, 1)
    order = {"backend": "durable", "verb": "retry", "wanted": {"state": "dead"}}
    answer = await operator.post("/bulk", {**order, "before": "0001-01-01T00:00:00+14:00"})
    assert (answer.status_code, answer.json()["expected"]) == (201, 0)
