"""What the pages show of real rows, and to whom."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from services.jobs.failures import fingerprint_of
from services.jobs.policies import policies
from tests.jobs.conftest import Owner
from tests.jobs.dashboard.rows import CAUSES, add_job, ago
from tests.jobs.staff.conftest import Browser, Door

PAGES = [
    "/jobs", "/jobs?span=24h", "/jobs?span=7d", "/jobs/list", "/jobs/list?state=done",
    "/jobs/list?state=scheduled", "/jobs/list?backend=fast&state=dead", "/jobs/failures", "/jobs/queues",
    "/jobs/workers", "/jobs/recurring", "/jobs/bulk",
]  # fmt: skip
# What the policy forbids, so it may not be in a page at all.
_INLINE = re.compile(r"<style|<script(?![^>]+src=)|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)


async def _dead(owner: Owner, actor: str = "checkout.send_receipt") -> str:
    job_id: str = await owner.fetchval(
        "SELECT id::text FROM jobs.jobs WHERE state = 'dead' AND actor = $1 LIMIT 1",
        actor,
    )
    return job_id


@pytest.mark.parametrize("path", PAGES)
async def test_a_viewer_sees_every_page_and_no_button_on_it(
    bad_day: None, viewer: Browser, path: str
) -> None:
    page = await viewer.get(path)
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    assert re.findall(
        r'method="post" action="([^"]+)"', page.text.replace('action="/jobs/list" id="picked"', "")
    ) == ["/jobs/logout"]
    assert not _INLINE.search(page.text)
    assert "<h1>" in page.text


@pytest.mark.parametrize("path", PAGES)
async def test_without_a_session_every_page_leads_to_the_login(door: Door, path: str) -> None:
    stranger = await door.browser()
    page = await stranger.get(path)
    assert page.status_code == 303
    assert page.headers["location"].startswith("/jobs/login")


async def test_the_overview_says_what_is_wrong_and_how_many_jobs_are_where(
    bad_day: None, viewer: Browser
) -> None:
    text = (await viewer.get("/jobs")).text
    assert "11 durable jobs died in the last hour." in text
    assert "1 worker fell silent without signing off: shop-1:380." in text
    assert re.search(r'data-live-text="count\.durable\.dead">12<', text)
    assert re.search(r'data-live-text="count\.durable\.blocked">1<', text)
    assert text.count('<svg class="plot"') == 6
    assert text.count('role="img"') == 6


async def test_the_queues_page_says_what_becomes_of_fast_jobs_without_redis(viewer: Browser) -> None:
    text = (await viewer.get("/jobs/queues")).text
    for actor, policy in policies().items():
        words = {"spill": "is stored", "inline": "is run at once", "drop": "is dropped"}[policy]
        assert re.search(rf"{re.escape(actor)}</td><td[^>]*>It {words}", text), actor


async def test_a_figure_of_the_charts_is_in_the_table_too(bad_day: None, viewer: Browser) -> None:
    text = (await viewer.get("/jobs")).text
    (moment, done), *_ = re.findall(r"<title>(\d\d:\d\d): (\d+) succeeded</title>", text)
    assert re.search(rf'<th scope="row">{moment}</th><td class="number">{done}</td>', text)


async def test_an_empty_shop_is_well_once_it_has_workers(owner: Owner, viewer: Browser) -> None:
    assert "No worker serves the queue durable/default." in (await viewer.get("/jobs")).text


async def test_a_list_is_filtered_by_everything_at_once(
    bad_day: None, owner: Owner, operator: Browser
) -> None:
    wanted = await add_job(
        owner, "checkout.find_me", "dead", args='["needle-7"]', error_class="E", error_message="Lost"
    )
    await add_job(
        owner, "checkout.find_me", "dead", args='["needle-8"]', error_class="E", error_message="Lost"
    )
    fields = "actor=checkout.find_me&text=NEEDLE-7&error=lost&queue=default&since=2020-01-01T00:00"
    text = (await operator.get(f"/jobs/list?state=dead&{fields}")).text
    assert re.findall(r'class="row-link" href="/jobs/durable/([^"]+)"', text) == [wanted]


async def test_a_time_that_is_none_is_said_and_does_not_filter(bad_day: None, viewer: Browser) -> None:
    page = await viewer.get("/jobs/list?state=dead&since=yesterday")
    assert page.status_code == 200
    assert "From is not a time such as" in page.text
    assert 'class="row-link"' in page.text


@pytest.mark.parametrize("moment", ["0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00"])
async def test_a_time_at_the_edge_of_all_years_is_none(moment: str, viewer: Browser) -> None:
    page = await viewer.get("/jobs/list", params={"since": moment})
    assert page.status_code == 200
    assert "From is not a time such as" in page.text


async def test_nobody_finds_out_by_searching_what_is_masked_for_them(
    owner: Owner, viewer: Browser, operator: Browser
) -> None:
    await add_job(owner, "checkout.sweep", "dead", args='["anne@example.com"]')
    assert "Arguments contain" not in (await viewer.get("/jobs/list")).text
    for guess in ("anne@", "zoe@"):
        for backend in ("durable", "fast"):
            address = f"/jobs/list?backend={backend}&text={guess}"
            assert (await viewer.get(address)).status_code == 403
    assert "checkout.<wbr>sweep" in (await operator.get("/jobs/list?text=anne@")).text
    assert "checkout.<wbr>sweep" not in (await operator.get("/jobs/list?text=zoe@")).text


async def test_what_an_operator_searched_for_is_masked_in_a_bulk_action(
    owner: Owner, viewer: Browser, operator: Browser
) -> None:
    wanted = {"verb": "retry", "state": "dead", "text": "anne@example.com"}
    started = await operator.send("/jobs/bulk", **wanted, before=ago(minutes=0).isoformat())
    for address in ("/jobs/bulk", started.headers["location"]):
        assert "anne@" in (await operator.get(address)).text
        seen = await viewer.get(address)
        assert "arguments contain" in seen.text
        assert "anne" not in seen.text


async def test_pages_follow_each_other_without_a_gap(owner: Owner, viewer: Browser) -> None:
    ids = {await add_job(owner, "checkout.sweep", "dead") for _ in range(60)}
    seen: list[str] = []
    path: str | None = "/jobs/list?state=dead"
    while path:
        text = (await viewer.get(path)).text
        seen += re.findall(r'class="row-link" href="/jobs/durable/([^"]+)"', text)
        following = re.search(r'href="([^"]+)" rel="next"', text)
        path = following[1].replace("&amp;", "&") if following else None
    assert len(seen) == 60
    assert set(seen) == ids


async def test_a_job_shows_its_tries_and_folds_the_frames_of_others(
    bad_day: None, owner: Owner, viewer: Browser
) -> None:
    text = (await viewer.get(f"/jobs/durable/{await _dead(owner)}")).text
    assert text.count('class="panel attempt attempt-failed"') == 3
    assert "3 frames in aiosmtplib, python3.13" in text
    assert 'class="frames frames-ours"' in text
    assert "services/checkout/mail/mailer.py" in text
    assert "release <code>2026.5.2</code>" in text
    assert "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" in text
    assert "Dead: no tries are left" in text


async def test_a_job_nobody_has_is_not_found(bad_day: None, viewer: Browser) -> None:
    for path in ("/jobs/durable/01890000-0000-7000-8000-000000000000", "/jobs/slow/1", "/jobs/durable/none"):
        assert (await viewer.get(path)).status_code == 404


async def test_a_group_shows_its_jobs_and_a_sample(bad_day: None, viewer: Browser) -> None:
    _, error_class, _, frame, message, dead = CAUSES[0]
    group = fingerprint_of("durable", error_class, frame)
    text = (await viewer.get(f"/jobs/failures/durable/{group}")).text
    assert message.split("'")[0] in text
    assert len(re.findall(r'class="row-link" href="/jobs/durable/', text)) == dead
    assert "Traceback (most recent call last):" in text
    assert (await viewer.get(f"/jobs/failures/fast/{group}")).status_code == 404


async def test_workers_are_alive_gone_or_stopped(bad_day: None, viewer: Browser) -> None:
    text = (await viewer.get("/jobs/workers")).text
    assert "3 workers are at work" in text
    assert text.count('class="worker-lost"') == 1
    assert text.count('class="worker-stopped"') == 1
    assert "checkout.<wbr>poll_<wbr>payment</a> since" in text


async def test_recurring_tasks_are_told_in_words(bad_day: None, viewer: Browser) -> None:
    text = (await viewer.get("/jobs/recurring")).text
    assert "Every 10th minute of every hour" in text
    assert '<code class="cron">*/10 * * * *</code>' in text
    assert '<span class="tag tag-paused">paused</span>' in text


async def test_masked_arguments_are_revealed_to_operators_only_and_that_is_on_record(
    owner: Owner, viewer: Browser, operator: Browser
) -> None:
    job_id = await add_job(owner, "checkout.write", "dead", args='[{"email": "ada@example.org"}]')
    for browser in (viewer, operator):
        assert "ada@example.org" not in (await browser.get(f"/jobs/durable/{job_id}")).text
    assert (await viewer.send(f"/jobs/durable/{job_id}/reveal")).status_code == 403
    shown = await operator.send(f"/jobs/durable/{job_id}/reveal")
    assert shown.status_code == 200
    assert "ada@example.org" in shown.text
    noted = await owner.fetch("SELECT who, target FROM jobs.audit_log WHERE action = 'job.reveal'")
    assert [tuple(entry) for entry in noted] == [("operator", f"durable:{job_id}")]


async def test_assets_are_for_everybody_and_for_ever(door: Door, environment: Callable[..., None]) -> None:
    stranger = await door.browser()
    login = await stranger.get("/jobs/login")
    addresses = re.findall(r'(?:href|src)="(/jobs/assets/[^"]+)"', login.text)
    assert any("tokens." in address for address in addresses)
    for address in addresses:
        sheet = await stranger.get(address)
        assert sheet.status_code == 200
        assert sheet.headers["cache-control"] == "public, max-age=31536000, immutable"
