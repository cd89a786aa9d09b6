"""How long a session lasts, and what ends it before."""

from __future__ import annotations

from typing import Any

import pytest

from services.jobs.staff import accounts
from tests.jobs.staff.conftest import SHELL, Door, password_of

Owner = Any


async def _age(owner: Owner, created: str, seen: str) -> None:
    await owner.execute(
        "UPDATE jobs.staff_sessions SET created_at = now() - $1::text::interval,"
        " seen_at = now() - $2::text::interval",
        created,
        seen,
    )


@pytest.mark.parametrize(
    ("created", "seen", "status"),
    [
        ("6 days 23 hours", "11 hours 59 minutes", 200),
        ("6 days 23 hours", "12 hours 1 minute", 303),
        ("7 days 1 minute", "1 minute", 303),
    ],
)
async def test_a_session_ends_when_nobody_uses_it_and_in_any_case_after_a_week(
    created: str, seen: str, status: int, door: Door, owner: Owner
) -> None:
    browser = await door.browser_of("viewer")
    await _age(owner, created, seen)
    assert (await browser.get("/jobs/account")).status_code == status


async def test_use_keeps_a_session_and_is_noted_once_a_minute(door: Door, owner: Owner) -> None:
    browser = await door.browser_of("viewer")
    await _age(owner, "2 days", "11 hours")
    await browser.get("/jobs/account")
    seen = "SELECT seen_at, now() - seen_at < interval '1 minute' AS fresh FROM jobs.staff_sessions"
    first = await owner.fetchrow(seen)
    await browser.get("/jobs/account")
    assert first["fresh"]
    assert (await owner.fetchrow(seen))["seen_at"] == first["seen_at"]


async def test_a_token_that_is_none_is_not_even_looked_for(door: Door) -> None:
    for token in ("", "short", "x" * 44, "x" * 42 + "!"):
        browser = await door.browser()
        browser.client.cookies.set("staff", token, domain="shop.local")
        assert (await browser.get("/jobs/account")).status_code == 303


@pytest.mark.parametrize(
    "path_and_fields",
    [
        ("/jobs/staff/operator/role", {"role": "viewer"}),
        ("/jobs/staff/operator/password", {"password": "another password"}),
        ("/jobs/staff/operator/disable", {}),
    ],
)
async def test_a_change_of_an_account_ends_all_its_sessions_and_no_others(
    path_and_fields: tuple[str, dict[str, str]], door: Door
) -> None:
    path, fields = path_and_fields
    browsers = [await door.browser_of("operator") for _ in range(3)]
    viewer, admin = await door.browser_of("viewer"), await door.browser_of("admin")
    answer = await admin.send(path, **fields)
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs/staff")
    for browser in browsers:
        assert (await browser.get("/jobs/account")).status_code == 303
    for browser in (viewer, admin):
        assert (await browser.get("/jobs/account")).status_code == 200


async def test_changing_ones_own_password_logs_out_everywhere(door: Door) -> None:
    here, there = await door.browser_of("viewer"), await door.browser_of("viewer")
    answer = await here.send(
        "/jobs/account/password",
        old_password=password_of("viewer"),
        new_password="a new password",
        repeated="a new password",
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs/login?changed=1")
    for browser in (here, there):
        assert (await browser.get("/jobs/account")).status_code == 303
    assert "Your password is changed" in (await here.get("/jobs/login?changed=1")).text
    assert (await here.log_in("viewer")).status_code == 401
    assert (await here.log_in("viewer", "a new password")).status_code == 303


@pytest.mark.parametrize(
    ("old", "new", "repeated", "problem"),
    [
        ("not my password", "a new password", "a new password", "is not your password"),
        ("the password of viewer", "short", "short", "needs 12 to 1000 characters"),
        ("the password of viewer", "a new password", "another password", "is not the same"),
        ("", "a new password", "a new password", "is not your password"),
    ],
)
async def test_a_password_is_not_changed_without_the_old_one_or_to_a_bad_one(
    old: str, new: str, repeated: str, problem: str, door: Door
) -> None:
    browser = await door.browser_of("viewer")
    answer = await browser.send(
        "/jobs/account/password", old_password=old, new_password=new, repeated=repeated
    )
    assert answer.status_code == 422
    assert problem in answer.text
    assert (await browser.get("/jobs/account")).status_code == 200


async def test_a_disabled_account_can_log_in_again_once_it_is_enabled(door: Door) -> None:
    await accounts.set_disabled(door.database, SHELL, "viewer", disabled=True)
    browser = await door.browser()
    assert (await browser.log_in("viewer")).status_code == 401
    await accounts.set_disabled(door.database, SHELL, "viewer", disabled=False)
    assert (await browser.log_in("viewer")).status_code == 303


@pytest.mark.usefixtures("stretched_delays")
async def test_guessing_at_the_old_password_is_throttled_too(door: Door) -> None:
    browser = await door.browser_of("viewer")
    statuses = [
        (
            await browser.send(
                "/jobs/account/password",
                old_password=f"guess number {number}",
                new_password="a new password",
                repeated="a new password",
            )
        ).status_code
        for number in range(7)
    ]
    assert statuses == [422] * 5 + [429] * 2
