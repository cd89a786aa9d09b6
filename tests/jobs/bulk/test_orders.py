"""An order is counted, frozen, and at work once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.errors import Invalid, NotFound
from services.jobs import steering
from services.jobs.backend import BackendName, JobFilter, State, Verb
from services.jobs.bulk.shapes import BulkAtWork, BulkEnded, BulkOrder
from services.jobs.resources import Jobs
from services.jobs.staff.audit import AuditFilter, entries
from services.jobs.staff.who import RoleTooLow, Who
from tests.jobs.backlog import ADA, dead_jobs, ready_jobs
from tests.jobs.conftest import Owner

RETRY_DEAD = BulkOrder(backend="durable", verb="retry", wanted=JobFilter(state="dead"))


@pytest.mark.parametrize("backend", ["durable", "fast"])
async def test_a_preview_counts_and_shows_the_first_few_and_changes_nothing(
    jobs: Jobs, backend: BackendName
) -> None:
    await ready_jobs(jobs, backend, 25)
    order = BulkOrder(backend=backend, verb="discard", wanted=JobFilter(state="ready"))
    preview = await steering.preview_bulk(jobs, ADA, order)
    assert (preview.count, preview.counted_all, len(preview.sample)) == (25, True, 10)
    assert (await jobs.backend(backend).counts())["ready"] == 25


async def test_a_preview_leaves_out_what_comes_after_its_moment(jobs: Jobs, owner: Owner) -> None:
    await dead_jobs(owner, 3)
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    order = BulkOrder(backend="durable", verb="retry", wanted=JobFilter(state="dead"), before=an_hour_ago)
    assert (await steering.preview_bulk(jobs, ADA, order)).count == 0


@pytest.mark.parametrize(
    ("verb", "state"), [("retry", None), ("retry", "done"), ("retry", "ready"), ("discard", "running")]
)
async def test_an_order_needs_a_state_that_allows_its_verb(
    jobs: Jobs, verb: Verb, state: State | None
) -> None:
    order = BulkOrder(backend="durable", verb=verb, wanted=JobFilter(state=state))
    with pytest.raises(Invalid, match="Some fields are wrong"):
        await steering.start_bulk(jobs, ADA, order)


async def test_the_same_order_is_at_work_once(jobs: Jobs, owner: Owner) -> None:
    first = await steering.start_bulk(jobs, ADA, RETRY_DEAD)
    with pytest.raises(BulkAtWork) as refused:
        await steering.start_bulk(jobs, ADA, RETRY_DEAD)
    assert refused.value.facts == {"bulk": first.id}
    assert await owner.fetchval("SELECT count(*) FROM jobs.jobs WHERE actor = 'jobs.run_bulk'") == 1


async def test_another_order_and_one_after_the_first_has_ended_may_start(jobs: Jobs) -> None:
    first = await steering.start_bulk(jobs, ADA, RETRY_DEAD)
    await steering.start_bulk(
        jobs, ADA, BulkOrder(backend="fast", verb="retry", wanted=JobFilter(state="dead"))
    )
    await steering.cancel_bulk(jobs, ADA, first.id)
    second = await steering.start_bulk(jobs, ADA, RETRY_DEAD)
    assert second.id != first.id


async def test_order_and_audit_entry_are_stored_together(jobs: Jobs) -> None:
    action = await steering.start_bulk(jobs, ADA, RETRY_DEAD)
    [entry] = (await entries(jobs.database, AuditFilter(action="bulk.start"))).items
    assert (entry.who, entry.target) == ("ada", f"durable:{action.id}")
    assert entry.details == {"verb": "retry", "jobs": 0, "wanted": {"state": "dead"}}


async def test_a_refused_order_leaves_no_entry(jobs: Jobs) -> None:
    await steering.start_bulk(jobs, ADA, RETRY_DEAD)
    with pytest.raises(BulkAtWork):
        await steering.start_bulk(jobs, ADA, RETRY_DEAD)
    assert len((await entries(jobs.database, AuditFilter(action="bulk"))).items) == 1


async def test_a_viewer_may_not_even_preview(jobs: Jobs) -> None:
    viewer = Who("vic", "viewer", "session")
    for act in (steering.preview_bulk, steering.start_bulk):
        with pytest.raises(RoleTooLow):
            await act(jobs, viewer, RETRY_DEAD)


async def test_only_what_has_not_ended_can_be_cancelled(jobs: Jobs) -> None:
    action = await steering.start_bulk(jobs, ADA, RETRY_DEAD)
    assert (await steering.cancel_bulk(jobs, ADA, action.id)).state == "cancelled"
    with pytest.raises(BulkEnded):
        await steering.cancel_bulk(jobs, ADA, action.id)
    for unknown in ("nonsense", "00000000-0000-0000-0000-000000000000"):
        with pytest.raises(NotFound):
            await steering.cancel_bulk(jobs, ADA, unknown)
