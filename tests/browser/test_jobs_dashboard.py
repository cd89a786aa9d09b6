"""An operator at the jobs dashboard, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import asyncpg
import pytest
from playwright.sync_api import Page, expect

from ops.local.valkey import TemporaryValkey
from tests.browser.conftest import Open, Visit
from tests.browser.jobs_desk import PASSWORD, Desk, open_desk
from tests.conftest import Databases
from tests.jobs.dashboard.rows import CAUSES, add_attempt, add_bad_day, add_dead, add_job, add_worker, ago
from tests.store import wait_until

pytestmark = pytest.mark.browser

_SWEEP = ("checkout.sweep", *CAUSES[0][1:])  # an actor that succeeds when it is tried again


async def _bad_day_without_work(owner: asyncpg.Connection) -> None:
    """Nothing waits, so that a worker begins only what a test begins."""
    await add_bad_day(owner)
    await owner.execute("DELETE FROM jobs.jobs WHERE state = 'queued'")


@pytest.fixture(scope="module")
def desk(
    databases: Databases, valkey: TemporaryValkey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    with open_desk(databases, valkey, tmp_path_factory.mktemp("desk"), _bad_day_without_work) as desk:
        yield desk


@pytest.fixture(scope="module")
def base_url(desk: Desk) -> str:
    """Here the browser visits the dashboard instead of the shop."""
    return desk.url


def _log_in(visit: Visit, path: str = "/jobs") -> Page:
    visit.page.goto(path)
    expect(visit.page).to_have_url(re.compile("/jobs/login"))
    visit.page.get_by_label("Name").fill("admin")
    visit.page.get_by_label("Password").fill(PASSWORD)
    visit.page.get_by_role("button", name="Log in").click()
    expect(visit.page.get_by_role("link", name="Overview")).to_be_visible()
    visit.page.wait_for_load_state("load")  # its scripts listen now
    return visit.page


async def _add_dead_sweep(owner: asyncpg.Connection, minutes: float = 3) -> str:
    worker = await add_worker(owner, "durable", 500, stopped_at=ago(minutes=1))
    job_id = await add_dead(owner, worker, _SWEEP, minutes)
    await owner.execute("UPDATE jobs.jobs SET args = '[]' WHERE id = $1::uuid", job_id)
    return job_id


def test_a_dead_job_is_found_read_retried_and_seen_to_become_done(desk: Desk, visit: Open) -> None:
    job_id = desk.ask(_add_dead_sweep)
    page = _log_in(visit(), "/jobs/list?state=dead")
    page.get_by_label("Actor").fill("checkout.sweep")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("link", name="checkout.sweep").click()
    expect(page).to_have_url(re.compile(job_id))
    expect(page.locator(".frames-ours").first).to_contain_text("services/jobs/actors.py")
    folded = page.locator("details.foreign").first
    expect(folded).not_to_have_attribute("open", "")
    folded.locator("summary").click()
    expect(folded.locator("pre").first).to_be_visible()
    page.get_by_role("button", name="Retry", exact=True).click()
    expect(page.get_by_text("The job is back in its queue.")).to_be_visible()
    # Nothing is loaded by hand from here on.
    expect(page.locator(".job-states .state-done")).to_be_visible()
    expect(page.get_by_role("button", name="Retry", exact=True)).to_have_count(0)
    expect(page.locator(".attempt-done")).to_have_count(1)


def test_all_matching_are_previewed_and_retried_while_one_watches(desk: Desk, visit: Open) -> None:
    async def add(owner: asyncpg.Connection) -> None:
        for place in range(30):
            await add_job(owner, "checkout.remind", "dead", args='[]', kwargs="{}", queue="default",
                          finished_at=ago(minutes=place + 1))  # fmt: skip

    desk.ask(add)
    visited = visit()
    page = _log_in(visited, "/jobs/list?state=dead&actor=checkout.remind")
    page.get_by_role("link", name="Retry all matching").click()
    expect(page.locator(".confirm-count")).to_have_text("30 jobs")
    visited.picture("jobs-preview")
    page.get_by_role("button", name="Retry 30 jobs").click()
    expect(page.get_by_text("The bulk action has begun.")).to_be_visible()
    expect(page.locator(".job-states .state-done")).to_be_visible()
    expect(page.locator(".bulk-progress")).to_contain_text("30 retried of 30")
    visited.picture("jobs-bulk")


def test_a_queue_is_paused_and_goes_on(desk: Desk, visit: Open) -> None:
    page = _log_in(visit(), "/jobs/queues")
    row = page.get_by_role("row").filter(has_text="durable").filter(has_text="default")
    row.get_by_role("button", name="Pause").click()
    expect(row.get_by_text("paused")).to_be_visible()
    assert desk.ask(lambda owner: owner.fetchval("SELECT paused FROM jobs.queues WHERE backend = 'durable'"))
    row.get_by_role("button", name="Resume").click()
    expect(row.get_by_role("button", name="Pause")).to_be_visible()


def test_figures_change_by_themselves_until_they_are_paused_which_is_remembered(
    desk: Desk, visit: Open
) -> None:
    page = _log_in(visit())
    discarded = page.locator('[data-live-text="count.durable.discarded"]')
    before = int(discarded.inner_text())
    desk.ask(lambda owner: add_job(owner, "checkout.sweep", "discarded"))
    expect(discarded).to_have_text(str(before + 1))
    page.get_by_role("button", name="Live").click()
    expect(page.get_by_role("button", name="Paused")).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(page.get_by_role("button", name="Paused")).to_be_visible()
    page.keyboard.press("p")
    expect(page.get_by_role("button", name="Live")).to_be_visible()


def test_everything_works_without_scripts(desk: Desk, visit: Open) -> None:
    job_id = desk.ask(lambda owner: _add_dead_sweep(owner, 1))
    visited = visit(scripts=False)
    page = _log_in(visited, "/jobs/list?state=dead&actor=checkout.sweep")
    page.locator(f'input[value="{job_id}"]').check()
    page.get_by_role("button", name="Retry picked").click()
    expect(page.get_by_text("1 job retried.")).to_be_visible()
    page.goto(f"/jobs/durable/{job_id}")

    def is_done() -> bool:
        page.reload()
        return page.locator(".job-states .state-done").is_visible()

    wait_until(is_done, "the job is done")
    page.goto("/jobs")
    page.get_by_text("The figures as a table").first.click()
    expect(page.locator(".figures table").first).to_be_visible()
    visited.picture("jobs-overview-no-script")


def test_the_keyboard_is_enough(desk: Desk, visit: Open) -> None:
    page = _log_in(visit(), "/jobs/list?state=dead")
    page.keyboard.press("/")
    expect(page.get_by_label("Arguments contain")).to_be_focused()
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("tr.is-here .row-link")).to_be_focused()
    expect(page.locator("[data-rows] tbody tr").nth(1)).to_have_class(re.compile("is-here"))
    page.keyboard.press("x")
    expect(page.locator("#pick-count")).to_have_text("1 picked")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/jobs/durable/"))


def test_hostile_arguments_and_errors_run_nothing(desk: Desk, visit: Open) -> None:
    hostile = "<img src=x onerror=alert(1)><script>alert(2)</script>"

    async def add(owner: asyncpg.Connection) -> str:
        worker = await add_worker(owner, "durable", 501, host=hostile, stopped_at=ago(minutes=1))
        job_id = await add_job(
            owner, "checkout.hostile", "dead", args=f'["{hostile}"]', error_class=hostile,
            error_message=hostile, worker_id=worker,
        )  # fmt: skip
        await add_attempt(
            owner, job_id, 1, worker, outcome="failed", started_at=ago(minutes=2), finished_at=ago(minutes=1),
            error_class=hostile, error_message=hostile, traceback=hostile,
        )  # fmt: skip
        return job_id

    job_id = desk.ask(add)
    page = _log_in(visit(), f"/jobs/durable/{job_id}")
    page.on("dialog", lambda dialog: pytest.fail(f"it ran: {dialog.message}"))
    expect(page.get_by_text(hostile).first).to_be_visible()
    page.goto(f"/jobs/list?state=dead&text={hostile}")
    expect(page.get_by_label("Arguments contain")).to_have_value(hostile)


async def _a_dead_job_and_its_group(owner: asyncpg.Connection) -> tuple[str, str]:
    row = await owner.fetchrow(
        "SELECT id::text, fingerprint FROM jobs.jobs WHERE actor = 'checkout.poll_payment' AND state = 'dead'"
    )
    assert row is not None
    return row[0], row[1]


@pytest.mark.parametrize(
    ("width", "scheme"), [(390, "dark"), (390, "light"), (1280, "dark"), (1280, "light")]
)
def test_every_page_is_clear_at_every_width_by_day_and_night(
    desk: Desk, visit: Open, width: int, scheme: str
) -> None:
    visited = visit(width, scheme=scheme)
    visited.page.goto("/jobs/login")
    visited.picture("jobs-login")
    page = _log_in(visited)
    dead, group = desk.ask(_a_dead_job_and_its_group)
    for name, path in (
        ("overview", "/jobs"),
        ("overview-week", "/jobs?span=7d"),
        ("list", "/jobs/list?state=dead"),
        ("list-empty", "/jobs/list?state=dead&text=nothing-has-this"),
        ("job", f"/jobs/durable/{dead}"),
        ("failures", "/jobs/failures"),
        ("group", f"/jobs/failures/durable/{group}"),
        ("queues", "/jobs/queues"),
        ("workers", "/jobs/workers"),
        ("recurring", "/jobs/recurring"),
        ("bulk-actions", "/jobs/bulk"),
        ("audit", "/jobs/audit"),
        ("staff", "/jobs/staff"),
        ("tokens", "/jobs/tokens"),
        ("account", "/jobs/account"),
    ):
        page.goto(path)
        visited.picture(f"jobs-{name}")
