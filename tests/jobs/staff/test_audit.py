"""The audit log: complete, append-only, committed with what it tells of, harmless to read."""

from __future__ import annotations

import re
from datetime import datetime
from html.parser import HTMLParser
from typing import Any

import asyncpg
import pytest

from services.database import connection, transaction
from services.errors import Invalid
from services.jobs.staff import audit
from services.jobs.staff.audit import AuditFilter
from services.jobs.staff.who import Who
from tests.jobs.staff.conftest import ACCOUNT, SHELL, Door, password_of

Owner = Any
ANNE = Who("anne", "operator", "session")


async def _actions(door: Door) -> list[str]:
    return [entry.action for entry in (await audit.entries(door.database, AuditFilter())).items]


async def test_what_staff_do_is_recorded_with_where_it_came_from(door: Door) -> None:
    browser = await door.browser()
    await browser.log_in("admin", "not the password", address="203.0.113.8")
    await browser.log_in("somebody-unknown", "x", address="2001:db8:1:2:3::4")
    await browser.log_in("admin", address="203.0.113.8")
    await browser.send("/jobs/staff", name="anne", role="viewer", password="the password of anne")
    await browser.send("/jobs/staff/anne/role", role="operator")
    await browser.send("/jobs/staff/anne/password", password="another of anne")
    await browser.send("/jobs/staff/anne/disable")
    await browser.send("/jobs/staff/anne/enable")
    await browser.send("/jobs/tokens", name="robot", role="viewer", days="1")
    token_id = re.search(r"/jobs/tokens/([\w-]+)/revoke", (await browser.get("/jobs/tokens")).text)
    assert token_id is not None
    await browser.send(f"/jobs/tokens/{token_id[1]}/revoke")
    await browser.send(
        "/jobs/account/password",
        old_password=password_of("admin"),
        new_password="a new password",
        repeated="a new password",
    )
    await browser.log_in("admin", "a new password")
    await browser.send("/jobs/logout")
    found = (await audit.entries(door.database, AuditFilter())).items[::-1]
    assert [(entry.action, entry.who, entry.target) for entry in found] == [
        ("staff.login_failed", None, "admin"),
        ("staff.login_failed", None, None),  # what was typed may be a password
        ("staff.login", "admin", "admin"),
        ("staff.create", "admin", "anne"),
        ("staff.set_role", "admin", "anne"),
        ("staff.set_password", "admin", "anne"),
        ("staff.disable", "admin", "anne"),
        ("staff.enable", "admin", "anne"),
        ("token.create", "admin", "robot"),
        ("token.revoke", "admin", "robot"),
        ("staff.change_password", "admin", "admin"),
        ("staff.login", "admin", "admin"),
        ("staff.logout", "admin", "admin"),
    ]
    assert [entry.address for entry in found[:3]] == ["203.0.113.8", "2001:db8:1:2::/64", "203.0.113.8"]
    assert found[0].details == {"reason": "wrong password"}
    assert found[1].details == {"reason": "unknown name"}
    assert found[4].details == {"before": "viewer", "after": "operator"}
    assert {(entry.role, entry.by) for entry in found[2:]} == {("admin", "session")}
    assert all(entry.request_id for entry in found)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE jobs.audit_log SET who = 'nobody'",
        "DELETE FROM jobs.audit_log",
        "TRUNCATE jobs.audit_log",
        "DROP TABLE jobs.audit_log",
        "ALTER TABLE jobs.audit_log DISABLE TRIGGER ALL",
        "INSERT INTO jobs.audit_log (action) VALUES ('x.y') ON CONFLICT (id) DO UPDATE SET who = 'x'",
    ],
)
async def test_the_service_can_only_add_to_the_log(statement: str, door: Door) -> None:
    async with transaction(door.database) as raw:
        await audit.record(raw, ANNE, "job.retry", "1")
    async with connection(door.database) as raw:
        # By its grants, before the trigger is even asked.
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match=r"permission denied|must be owner"):
            await raw.execute(statement)
    assert await _actions(door) == ["job.retry"]


@pytest.mark.parametrize(
    "statement",
    ["UPDATE jobs.audit_log SET who = 'x'", "DELETE FROM jobs.audit_log", "TRUNCATE jobs.audit_log"],
)
async def test_not_even_the_owner_changes_the_log_by_a_slip(statement: str, door: Door, owner: Owner) -> None:
    async with transaction(door.database) as raw:
        await audit.record(raw, ANNE, "job.retry", "1")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await owner.execute(statement)


@pytest.mark.parametrize("role", ["catalog", "checkout", "health"])
async def test_no_other_service_reads_who_may_log_in(role: str, door: Door, owner: Owner) -> None:
    await owner.execute(f"SET ROLE kiosk_{role}")
    for table in ("accounts", "sessions", "tokens", "tries", "addresses"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await owner.fetch(f"SELECT * FROM jobs.staff_{table}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await owner.fetch("SELECT * FROM jobs.audit_log")


async def test_an_entry_rolls_back_with_what_it_tells_of(door: Door) -> None:
    async def fail() -> None:
        async with transaction(door.database) as raw:
            await audit.record(raw, ANNE, "job.retry", "1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await _actions(door) == []


async def test_a_login_of_a_disabled_account_is_told_as_such(door: Door, owner: Owner) -> None:
    await owner.execute("UPDATE jobs.staff_accounts SET disabled_at = now() WHERE name = 'viewer'")
    await (await door.browser()).log_in("viewer")
    [entry] = (await audit.entries(door.database, AuditFilter())).items
    assert (entry.target, entry.details) == ("viewer", {"reason": "disabled"})


async def _fill(door: Door, count: int) -> None:
    async with transaction(door.database) as raw:
        for number in range(count):
            who = ANNE if number % 2 else SHELL
            action = "job.retry" if number % 3 else "queue.pause"
            await audit.record(raw, who, action, f"thing {number % 5}", {"number": number})


async def test_pages_follow_each_other_without_gap_or_repeat(door: Door) -> None:
    await _fill(door, 25)
    numbers: list[Any] = []
    cursor = None
    for _ in range(10):
        page = await audit.entries(door.database, AuditFilter(), cursor, limit=10)
        numbers += [entry.details["number"] for entry in page.items]
        if (cursor := page.next_cursor) is None:
            break
    assert numbers == list(range(24, -1, -1))


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (AuditFilter(who="anne"), 15),
        (AuditFilter(action="queue.pause"), 10),
        (AuditFilter(action="job"), 20),
        (AuditFilter(action="jo"), 0),
        (AuditFilter(target="thing 0"), 6),
        (AuditFilter(who="anne", action="job.retry", target="thing 1"), 2),
        (AuditFilter(who="' OR true --"), 0),
    ],
)
async def test_a_filter_finds_what_it_says(wanted: AuditFilter, count: int, door: Door) -> None:
    await _fill(door, 30)
    assert len((await audit.entries(door.database, wanted)).items) == count


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1.5", "9" * 30, "²"])
async def test_a_cursor_of_somebody_elses_making_is_refused(cursor: str, door: Door) -> None:
    with pytest.raises(Invalid):
        await audit.entries(door.database, AuditFilter(), cursor)


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (AuditFilter(since=datetime.fromisoformat("0001-01-01T00:00+14:00")), 1),
        (AuditFilter(until=datetime.fromisoformat("9999-12-31T23:59-14:00")), 1),
        (AuditFilter(since=datetime.fromisoformat("9999-12-31T23:59-14:00")), 0),
    ],
)
async def test_a_time_at_the_edge_of_all_years_filters(wanted: AuditFilter, count: int, door: Door) -> None:
    async with transaction(door.database) as raw:
        await audit.record(raw, ANNE, "job.retry", "durable:1")
    assert len((await audit.entries(door.database, wanted)).items) == count


async def test_a_day_after_which_there_is_none_is_refused_in_words(door: Door) -> None:
    answer = await (await door.browser_of("admin")).get("/jobs/audit?until=9999-12-31")
    assert answer.status_code == 422
    assert "must be a day" in answer.text


async def test_the_page_filters_by_day_and_goes_on(door: Door) -> None:
    await _fill(door, 60)
    browser = await door.browser_of("admin")
    page = await browser.get("/jobs/audit?since=2020-01-01&until=2999-01-01&who=&action=job")
    assert page.text.count(">job.retry<") == 40
    assert ">queue.pause<" not in page.text
    page = await browser.get("/jobs/audit")
    older = re.search(r'href="(/jobs/audit\?cursor=\d+)"', page.text)
    assert older is not None
    pages = [page.text, (await browser.get(older[1])).text]
    assert [one.count(">job.retry<") + one.count(">queue.pause<") for one in pages] == [50, 10]
    assert "no such entries" in (await browser.get("/jobs/audit?until=2020-01-01")).text
    for wrong in ("since=yesterday", "until=2026-13-01", "cursor=x"):
        assert (await browser.get(f"/jobs/audit?{wrong}")).status_code == 422


XSS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</td></table><script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "javascript:alert(1)",
    "<a href=javascript:alert(1)>x</a>",
    "&lt;script&gt;",
    "\u2028<b>\u202ebold</b>",
    "--><script>alert(1)</script><!--",
]


async def test_markup_in_names_targets_and_details_is_only_text(door: Door, owner: Owner) -> None:
    hashed = await owner.fetchval("SELECT password_hash FROM jobs.staff_accounts LIMIT 1")
    token = "INSERT INTO jobs.staff_tokens (name, role, token_hash, created_by) VALUES ($1, 'viewer', $2, $1)"
    for number, text in enumerate(XSS):
        await owner.execute(ACCOUNT, text, "viewer", hashed)
        await owner.execute(token, text, bytes([number]) * 32)
        async with transaction(door.database) as raw:
            await audit.record(raw, Who(text, "viewer", "session"), "job.retry", text, {text: [text]})
    browser = await door.browser_of("admin")
    for path in ("/jobs/staff", "/jobs/tokens", "/jobs/audit"):
        told = _texts_of((await browser.get(path)).text)
        for text in XSS:
            assert text in told, (path, text)
    for text in XSS:
        _texts_of(
            (await browser.get("/jobs/audit", params={"who": text, "action": text, "target": text})).text
        )
        stranger = await door.browser()
        _texts_of((await stranger.get("/jobs/login", params={"next": text})).text)
        _texts_of((await stranger.log_in(text, text, next_path=text, address="203.0.113.77")).text)
        answer = await browser.send("/jobs/staff", name=text, role=text, password=text)
        _texts_of(answer.text)


class _Harmless(HTMLParser):
    """Reads a page as a browser does, and refuses what could run."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert tag != "script" or (given.get("src") or "").startswith("/jobs/assets/"), given
        assert tag not in ("iframe", "object", "embed", "base"), tag
        assert tag != "img" or given.get("src") != "x"
        for name, value in given.items():
            assert not name.startswith("on"), (tag, name)
            assert name != "style", (tag, value)
            if name in ("href", "src", "action", "formaction"):
                assert (value or "").startswith(("/", "#", "?")), (tag, value)
                assert not (value or "").startswith("//"), (tag, value)
            self.text += f"\n{value}\n"

    def handle_data(self, data: str) -> None:
        self.text += data


def _texts_of(html: str) -> str:
    page = _Harmless()
    page.feed(html)
    page.close()
    return page.text
