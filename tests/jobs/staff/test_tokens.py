"""API tokens: shown once, good for their role and time, revocable."""

from __future__ import annotations

import re
from typing import Any

import pytest

from services.errors import Invalid
from services.jobs.staff import accounts, audit, tokens
from services.jobs.staff.audit import AuditFilter
from services.jobs.staff.who import RoleTooLow, Who
from tests.jobs.staff.conftest import SHELL, Door

Owner = Any
_TOKEN = re.compile(r"kiosk_[\w-]{43}")


async def test_an_admin_makes_a_token_and_sees_it_once(door: Door) -> None:
    browser = await door.browser_of("admin")
    made = await browser.send("/jobs/tokens", name="deploy robot", role="operator", days="30")
    assert made.status_code == 201
    [token] = _TOKEN.findall(made.text)
    assert await tokens.find(door.database, token) == Who("deploy robot", "operator", "token")
    again = await browser.get("/jobs/tokens")
    assert "deploy robot" in again.text
    assert token not in again.text


async def test_a_revoked_token_is_no_good_from_then_on(door: Door, owner: Owner) -> None:
    token = await tokens.create(door.database, SHELL, "robot", "viewer", None)
    [known] = await tokens.all_tokens(door.database)
    browser = await door.browser_of("admin")
    assert (await browser.send(f"/jobs/tokens/{known.id}/revoke")).status_code == 303
    assert await tokens.find(door.database, token) is None
    assert (await browser.send(f"/jobs/tokens/{known.id}/revoke")).status_code == 404
    assert (await browser.send("/jobs/tokens/no-uuid/revoke")).status_code == 404


@pytest.mark.parametrize(("passed", "good"), [("23 hours 59 minutes", True), ("24 hours 1 minute", False)])
async def test_a_token_is_good_until_it_expires(passed: str, good: bool, door: Door, owner: Owner) -> None:
    token = await tokens.create(door.database, SHELL, "robot", "viewer", 1)
    await owner.execute("UPDATE jobs.staff_tokens SET expires_at = expires_at - $1::text::interval", passed)
    assert (await tokens.find(door.database, token) is not None) is good
    assert (await tokens.all_tokens(door.database))[0].good is good


async def test_the_last_use_of_a_token_is_noted(door: Door) -> None:
    token = await tokens.create(door.database, SHELL, "robot", "viewer", None)
    assert (await tokens.all_tokens(door.database))[0].used_at is None
    await tokens.find(door.database, token)
    assert (await tokens.all_tokens(door.database))[0].used_at is not None


async def test_disabling_an_account_revokes_the_tokens_it_made(door: Door) -> None:
    mine = await tokens.create(door.database, Who("operator", "admin", "session"), "mine", "viewer", None)
    other = await tokens.create(door.database, SHELL, "other", "viewer", None)
    await (await door.browser_of("admin")).send("/jobs/staff/operator/disable")
    assert await tokens.find(door.database, mine) is None
    assert await tokens.find(door.database, other) is not None


@pytest.mark.parametrize(("role", "good"), [("viewer", False), ("operator", False), ("admin", True)])
async def test_who_is_no_admin_any_more_loses_the_tokens_made_as_one(
    role: str, good: bool, door: Door
) -> None:
    await accounts.create(door.database, SHELL, "anne", "admin", "the password of anne")
    mine = await tokens.create(door.database, Who("anne", "admin", "session"), "mine", "admin", None)
    other = await tokens.create(door.database, SHELL, "other", "admin", None)
    await (await door.browser_of("admin")).send("/jobs/staff/anne/role", role=role)
    assert (await tokens.find(door.database, mine) is not None) is good
    assert await tokens.find(door.database, other) is not None
    [entry] = (await audit.entries(door.database, AuditFilter(action="staff.set_role"))).items
    assert entry.details.get("revoked_tokens") == (None if good else ["mine"])


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer kiosk_",
        "Bearer kiosk_" + "x" * 43,
        "Bearer test-admin-key",  # the shop's admin key is another key
        "Basic YWRtaW46YWRtaW4=",
        "Bearer kiosk_" + "x" * 42 + "'",
        "Token kiosk_" + "x" * 43,
    ],
)
async def test_what_is_no_good_token_is_refused_even_beside_a_good_session(
    authorization: str, door: Door
) -> None:
    browser = await door.browser_of("admin")
    answer = await browser.get("/api/jobs/audit", headers={"Authorization": authorization})
    assert answer.status_code == 401
    assert answer.json()["type"] == "/problems/unauthorized"


@pytest.mark.parametrize(
    ("name", "days"), [("", None), ("x" * 65, None), ("a\nb", None), ("a", 0), ("a", -1), ("a", 3651)]
)
async def test_a_token_of_no_name_or_no_time_is_refused(name: str, days: int | None, door: Door) -> None:
    with pytest.raises(Invalid):
        await tokens.create(door.database, SHELL, name, "viewer", days)


async def test_only_admins_make_and_revoke_tokens(door: Door) -> None:
    operator = Who("operator", "operator", "session")
    with pytest.raises(RoleTooLow):
        await tokens.create(door.database, operator, "robot", "viewer", None)
    await tokens.create(door.database, SHELL, "robot", "viewer", None)
    [known] = await tokens.all_tokens(door.database)
    with pytest.raises(RoleTooLow):
        await tokens.revoke(door.database, operator, known.id)
