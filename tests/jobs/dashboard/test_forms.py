"""What the buttons do, and that they do nothing without the session's token."""

from __future__ import annotations

import re
from typing import Any

import pytest

from services.jobs.failures import fingerprint_of
from tests.jobs.conftest import Owner
from tests.jobs.dashboard.rows import CAUSES, add_job
from tests.jobs.staff.conftest import SAME_ORIGIN, Browser


async def _state(owner: Owner, job_id: str) -> str:
    state: str = await owner.fetchval("SELECT state FROM jobs.jobs WHERE id = $1::uuid", job_id)
    return state


async def test_a_dead_job_is_retried_from_its_page(bad_day: None, owner: Owner, operator: Browser) -> None:
    job_id = await add_job(owner, "checkout.sweep", "dead")
    answer = await operator.send(f"/jobs/durable/{job_id}/retry")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/jobs/durable/{job_id}?did=retry")
    assert await _state(owner, job_id) == "queued"
    assert "The job is back in its queue." in (await operator.get(answer.headers["location"])).text


async def test_a_retry_of_what_is_not_dead_is_refused_in_words(owner: Owner, operator: Browser) -> None:
    job_id = await add_job(owner, "checkout.sweep", "done")
    answer = await operator.send(f"/jobs/durable/{job_id}/retry")
    assert answer.status_code == 409
    assert "The job is in another state" in answer.text


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({"other": "1"}, SAME_ORIGIN),
        ({"csrf": "0" * 64}, SAME_ORIGIN),
        (None, {"Sec-Fetch-Site": "cross-site"}),
    ],
)
async def test_a_form_without_the_sessions_token_or_from_elsewhere_changes_nothing(
    owner: Owner, operator: Browser, fields: dict[str, str] | None, headers: dict[str, str]
) -> None:
    job_id = await add_job(owner, "checkout.sweep", "dead")
    data = {"csrf": operator.csrf} if fields is None else fields
    answer = await operator.client.post(f"/jobs/durable/{job_id}/retry", data=data, headers=headers)
    assert answer.status_code == 403
    assert await _state(owner, job_id) == "dead"


async def test_picked_jobs_are_steered_and_the_list_says_so(owner: Owner, operator: Browser) -> None:
    ids = [await add_job(owner, "checkout.sweep", "dead") for _ in range(3)]
    gone = await add_job(owner, "checkout.sweep", "done")
    data: dict[str, Any] = {
        "csrf": operator.csrf,
        "verb": "retry",
        "back": "?state=dead&text=a+b",
        "pick": [*ids[:2], gone],
    }
    answer = await operator.client.post("/jobs/list", data=data, headers=SAME_ORIGIN)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/jobs/list?state=dead&text=a+b&did=picked-retry&done=2&passed=1"
    assert [await _state(owner, job_id) for job_id in ids] == ["queued", "queued", "dead"]
    said = (await operator.get(answer.headers["location"])).text
    assert "2 jobs retried. 1 job had moved on" in said


async def test_a_rows_own_button_steers_that_row_alone(owner: Owner, operator: Browser) -> None:
    ids = [await add_job(owner, "checkout.sweep", "dead") for _ in range(2)]
    data: dict[str, Any] = {
        "csrf": operator.csrf,
        "one": f"discard {ids[0]}",
        "back": "?state=dead",
        "pick": ids,
    }
    await operator.client.post("/jobs/list", data=data, headers=SAME_ORIGIN)
    assert [await _state(owner, job_id) for job_id in ids] == ["discarded", "dead"]


async def test_a_list_can_not_lead_to_another_site(owner: Owner, operator: Browser) -> None:
    answer = await operator.send("/jobs/list", verb="retry", back="//evil.example/?x")
    assert answer.headers["location"].startswith("/jobs/list?")


async def test_all_matching_are_previewed_then_retried_by_a_durable_job(
    bad_day: None, owner: Owner, operator: Browser
) -> None:
    actor, error_class, _, frame, _, dead = CAUSES[0]
    group = fingerprint_of("durable", error_class, frame)
    page = await operator.get(f"/jobs/bulk/preview?verb=retry&state=dead&group={group}")
    assert f'<p class="confirm-count">{dead} jobs</p>' in page.text
    fields = dict(
        re.findall(
            r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text.split('action="/jobs/bulk"')[1]
        )
    )
    assert (fields["verb"], fields["group"]) == ("retry", group)
    answer = await operator.send("/jobs/bulk", **{**fields, "rate": "50"})
    assert answer.status_code == 303
    row = await owner.fetchrow("SELECT id::text, verb, expected, rate, by FROM jobs.bulk_actions")
    assert row is not None
    assert tuple(row)[1:] == ("retry", dead, 50, "operator")
    assert answer.headers["location"] == f"/jobs/bulk/{row['id']}?did=bulk"
    assert await owner.fetchval("SELECT count(*) FROM jobs.jobs WHERE actor = 'jobs.run_bulk'") == 1
    followed = await operator.get(answer.headers["location"])
    assert "50 jobs per second" in followed.text
    cancelled = await operator.send(f"/jobs/bulk/{row['id']}/cancel")
    assert cancelled.status_code == 303
    assert await owner.fetchval("SELECT state FROM jobs.bulk_actions") == "cancelled"
    assert actor in (await operator.get("/jobs/failures")).text.replace("<wbr>", "")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"before": ""}, "before is not the time of a preview"),
        ({"since": "yesterday"}, "From is not a time"),
        ({"rate": "0"}, "rate is not a number"),
        ({"rate": "9" * 5000}, "rate is not a number"),
        ({"verb": "explode"}, "verb is neither retry nor discard"),
        ({"state": "done"}, "state"),
    ],
)
async def test_a_bulk_order_that_can_not_be_read_starts_nothing(
    owner: Owner, operator: Browser, wrong: dict[str, str], said: str
) -> None:
    right = {"verb": "retry", "state": "dead", "backend": "durable", "before": "2026-01-01T00:00:00+00:00"}
    answer = await operator.send("/jobs/bulk", **{**right, **wrong})
    assert answer.status_code == 422
    assert said in answer.text
    assert await owner.fetchval("SELECT count(*) FROM jobs.bulk_actions") == 0


async def test_the_newest_job_of_a_group_is_retried_first(
    bad_day: None, owner: Owner, operator: Browser
) -> None:
    actor, error_class, _, frame, _, dead = CAUSES[0]
    group = fingerprint_of("durable", error_class, frame)
    newest = await owner.fetchval(
        "SELECT id::text FROM jobs.jobs WHERE fingerprint = $1 AND state = 'dead' "
        "ORDER BY finished_at DESC LIMIT 1",
        group,
    )
    answer = await operator.send(f"/jobs/failures/durable/{group}/retry-one")
    assert answer.headers["location"] == f"/jobs/durable/{newest}?did=first"
    left = await owner.fetchval("SELECT count(*) FROM jobs.jobs WHERE state = 'dead' AND actor = $1", actor)
    assert left == dead - 1


async def test_queues_are_paused_and_go_on(bad_day: None, owner: Owner, operator: Browser) -> None:
    paused = "SELECT paused FROM jobs.queues WHERE backend = 'durable' AND name = 'default'"
    answer = await operator.send("/jobs/queues/durable/default/pause")
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs/queues?did=pause")
    assert await owner.fetchval(paused) is True
    page = (await operator.get(answer.headers["location"])).text
    assert "The queue is paused." in page
    assert 'action="/jobs/queues/durable/default/resume"' in page
    await operator.send("/jobs/queues/durable/default/resume")
    assert await owner.fetchval(paused) is False


async def test_recurring_tasks_are_run_paused_and_resumed(
    bad_day: None, owner: Owner, operator: Browser
) -> None:
    for verb in ("run", "pause", "resume"):
        assert (await operator.send(f"/jobs/recurring/checkout.sweep/{verb}")).status_code == 303
    assert await owner.fetchval("SELECT count(*) FROM jobs.recurring_runs WHERE by_hand") == 1
    actions = await owner.fetch("SELECT action FROM jobs.audit_log WHERE who = 'operator' ORDER BY id")
    assert [entry["action"] for entry in actions] == ["recurring.run", "recurring.pause", "recurring.resume"]


@pytest.mark.parametrize(
    "path",
    [
        "/jobs/list", "/jobs/durable/{id}/retry", "/jobs/durable/{id}/discard", "/jobs/durable/{id}/reveal",
        "/jobs/bulk", "/jobs/queues/durable/default/pause", "/jobs/queues/durable/default/resume",
        "/jobs/recurring/checkout.sweep/run", "/jobs/recurring/checkout.sweep/pause",
        "/jobs/failures/durable/none/retry-one",
    ],
)  # fmt: skip
async def test_a_viewer_may_press_nothing(owner: Owner, viewer: Browser, path: str) -> None:
    job_id = await add_job(owner, "checkout.sweep", "dead")
    answer = await viewer.send(path.replace("{id}", job_id), verb="retry", pick=job_id)
    assert answer.status_code == 403
    assert await _state(owner, job_id) == "dead"
