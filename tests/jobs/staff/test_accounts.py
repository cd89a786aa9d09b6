"""Accounts: who can be made, and that an admin is always left."""

from __future__ import annotations

import asyncio
import getpass
import io
import logging
import re
from typing import Any

import pytest

from services.errors import Conflict, Invalid, NotFound
from services.jobs.staff import accounts, audit, passwords, shell, tokens
from services.jobs.staff.accounts import LastAdmin
from services.jobs.staff.audit import AuditFilter
from services.jobs.staff.first_admin import make_first_admin
from services.jobs.staff.who import RoleTooLow, Who
from services.logs import JsonLines
from services.settings import SettingError, StaffSettings
from tests.jobs.staff.conftest import ACCOUNT, SHELL, Door, opened, password_of

Owner = Any
FIRST = "the first password"


@pytest.mark.parametrize("name", ["anne", "a", "anne.b-c_d+e@shop.example", "0", "x" * 64, "  Anne "])
async def test_an_account_that_is_made_can_log_in(name: str, door: Door) -> None:
    made = await accounts.create(door.database, SHELL, name, "viewer", "a password of mine")
    assert made == name.strip().lower()
    assert (await (await door.browser()).log_in(name, "a password of mine")).status_code == 303


@pytest.mark.parametrize(
    "name",
    ["", " ", ".", "..", "-x", "a b", "a/b", "x" * 65, "änne", "\u0430dmin", "<b>", "a\nb", "a%2fb", "a\x00"],
)
async def test_a_name_that_could_be_mistaken_is_refused(name: str, door: Door) -> None:
    with pytest.raises(Invalid):
        await accounts.create(door.database, SHELL, name, "viewer", "a password of mine")


@pytest.mark.parametrize("password", ["", "short", "x" * 11, "x" * 1001])
async def test_a_password_that_is_too_short_or_endless_is_refused(password: str, door: Door) -> None:
    for work in (
        accounts.create(door.database, SHELL, "anne", "viewer", password),
        accounts.set_password(door.database, SHELL, "viewer", password),
    ):
        with pytest.raises(Invalid):
            await work
    answer = await (await door.browser_of("admin")).send("/jobs/staff", name="anne", password=password)
    assert answer.status_code == 422
    assert "needs 12 to 1000 characters" in answer.text


@pytest.mark.parametrize(
    "password", ["pässwörter sind lang", "密码密码密码密码密码密码", "x" * 1000, " " * 12]
)
async def test_any_signs_make_a_password(password: str, door: Door) -> None:
    await accounts.create(door.database, SHELL, "anne", "viewer", password)
    assert (await (await door.browser()).log_in("anne", password)).status_code == 303


async def test_a_password_is_the_same_however_its_signs_are_composed() -> None:
    stored = await passwords.hash_of("pa\u0308sswo\u0308rter sind lang")
    assert await passwords.verify(stored, "p\u00e4ssw\u00f6rter sind lang")


async def test_a_name_is_taken_once(door: Door) -> None:
    answer = await (await door.browser_of("admin")).send(
        "/jobs/staff", name="VIEWER", role="admin", password="x" * 12
    )
    assert answer.status_code == 409
    assert "There is an account of that name" in answer.text
    with pytest.raises(Conflict):
        await accounts.create(door.database, SHELL, "viewer", "admin", "x" * 12)


@pytest.mark.parametrize(
    ("path", "fields"), [("/jobs/staff/admin/role", {"role": "operator"}), ("/jobs/staff/admin/disable", {})]
)
async def test_the_last_admin_stays(path: str, fields: dict[str, str], door: Door) -> None:
    browser = await door.browser_of("admin")
    answer = await browser.send(path, **fields)
    assert answer.status_code == 409
    assert "This is the last admin who can log in" in answer.text
    assert (await browser.get("/jobs/staff")).status_code == 200


async def test_of_admins_who_disable_each_other_at_once_one_is_left(door: Door, owner: Owner) -> None:
    names = [f"admin{number}" for number in range(5)]
    hashed = await passwords.hash_of("x" * 12)
    for name in names:
        await owner.execute(ACCOUNT, name, "admin", hashed)
    ended = await asyncio.gather(
        *(accounts.set_disabled(door.database, SHELL, name, disabled=True) for name in [*names, "admin"]),
        return_exceptions=True,
    )
    assert [type(one) for one in ended if one is not None] == [LastAdmin]


async def test_nobody_is_changed_who_is_not_there(door: Door) -> None:
    for work in (
        accounts.set_role(door.database, SHELL, "nobody", "viewer"),
        accounts.set_disabled(door.database, SHELL, "nobody", disabled=True),
        accounts.set_password(door.database, SHELL, "nobody", "x" * 12),
    ):
        with pytest.raises(NotFound):
            await work
    assert (await (await door.browser_of("admin")).send("/jobs/staff/nobody/disable")).status_code == 404


async def test_use_cases_ask_for_the_role_themselves(door: Door) -> None:
    operator = Who("operator", "operator", "session")
    for work in (
        accounts.create(door.database, operator, "anne", "viewer", "x" * 12),
        accounts.set_role(door.database, operator, "operator", "admin"),
        accounts.set_password(door.database, operator, "admin", "x" * 12),
        accounts.set_disabled(door.database, operator, "admin", disabled=True),
    ):
        with pytest.raises(RoleTooLow):
            await work


async def test_an_unknown_role_is_refused(door: Door) -> None:
    browser = await door.browser_of("admin")
    answer = await browser.send("/jobs/staff/viewer/role", role="owner")
    assert answer.status_code == 422


async def test_two_replicas_that_start_at_once_make_one_account(
    staffed_environment: str, monkeypatch: pytest.MonkeyPatch, owner: Owner
) -> None:
    monkeypatch.setenv("STAFF_ADMIN_PASSWORD", FIRST)
    async with opened(staffed_environment) as one, opened(staffed_environment):
        settings = StaffSettings(staff_admin_password=FIRST)
        await asyncio.gather(*(make_first_admin(one.database, settings) for _ in range(6)))
        rows = await owner.fetch("SELECT name, role FROM jobs.staff_accounts")
        assert [tuple(row) for row in rows] == [("admin", "admin")]
        assert (await (await one.browser()).log_in("admin", FIRST)).status_code == 303
        found = await audit.entries(one.database, AuditFilter(action="staff.create"))
        assert len(found.items) == 1


async def test_a_replica_that_was_quicker_by_a_moment_is_waited_for(closed_door: Door, owner: Owner) -> None:
    """Its account is not there to be seen yet when ours looks, and is when ours is inserted."""
    hashed = await passwords.hash_of(FIRST)
    async with owner.transaction():
        await owner.execute(ACCOUNT, "admin", "admin", hashed)
        ours = asyncio.create_task(accounts.create_first(closed_door.database, "admin", FIRST))
        async with asyncio.timeout(20):
            while not await owner.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"):
                await asyncio.sleep(0.01)
    assert await ours is False


async def test_a_start_opens_the_dashboard_by_itself(
    staffed_environment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAFF_ADMIN_PASSWORD", FIRST)
    async with opened(staffed_environment) as door:
        async with asyncio.timeout(20):
            while not await accounts.exist(door.database):
                await asyncio.sleep(0.02)
        assert (await (await door.browser()).log_in("admin", FIRST)).status_code == 303


async def test_the_variable_changes_nothing_once_there_is_an_account(door: Door, owner: Owner) -> None:
    before = await owner.fetch("SELECT * FROM jobs.staff_accounts ORDER BY id")
    await make_first_admin(door.database, StaffSettings(staff_admin_password="another password"))
    assert await owner.fetch("SELECT * FROM jobs.staff_accounts ORDER BY id") == before


def test_a_first_password_that_is_too_short_stops_the_process_without_saying_it() -> None:
    with pytest.raises(SettingError, match="STAFF_ADMIN_PASSWORD") as raised:
        StaffSettings.read({"STAFF_ADMIN_PASSWORD": "hunter2"})
    assert "hunter2" not in str(raised.value)


async def test_the_shell_makes_accounts_and_tokens(door: Door) -> None:
    await shell.create_account(door.database, "Anne", "operator", "the password of anne")
    await shell.set_password(door.database, "Anne", "another of anne")
    assert "anne" in [one.name for one in await shell.list_accounts(door.database)]
    assert (await (await door.browser()).log_in("anne", "another of anne")).status_code == 303
    token = await shell.create_token(door.database, "robot", "viewer", 7)
    assert await tokens.find(door.database, token) == Who("robot", "viewer", "token")
    entries = await audit.entries(door.database, AuditFilter(action="token.create"))
    assert [(one.who, one.by) for one in entries.items] == [(getpass.getuser(), "shell")]


def test_the_shell_reads_a_password_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a password \nmore\n"))
    assert shell.read_password() == "a password "


async def test_no_secret_reaches_the_logs(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    browser = await door.browser()
    await browser.log_in("admin", "canary-of-a-wrong-password")
    await browser.log_in("canary-typed-as-a-name", "canary-of-a-wrong-password")
    await browser.log_in("admin")
    session = browser.token or ""
    page = await browser.send("/jobs/tokens", name="robot", role="viewer", days="")
    [token] = set(re.findall(r"kiosk_[\w-]{43}", page.text))
    answer = await browser.get("/api/jobs/queues", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    await browser.send("/jobs/staff", name="anne", password="canary-of-anne")
    await browser.send("/jobs/staff/anne/password", password="canary-two-of-anne")
    await browser.send(
        "/jobs/account/password",
        old_password=password_of("admin"),
        new_password="canary-new-password",
        repeated="canary-new-password",
    )
    lines = JsonLines("jobs", "r")
    text = "\n".join(lines.format(record) for record in caplog.records)
    assert "/jobs/login" in text
    for secret in ("canary", session, token, browser.csrf, password_of("admin"), "$argon2"):
        assert secret not in text
