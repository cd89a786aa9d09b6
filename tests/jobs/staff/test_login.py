"""Logging in: who gets in, what the browser carries, and what strangers can learn."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import asyncpg
import httpx
import pytest
from argon2 import PasswordHasher

from services.jobs.staff import passwords
from services.jobs.staff.login_address import local_path
from tests.jobs.staff.conftest import SAME_ORIGIN, Door, opened, password_of

Owner = Any


async def test_a_name_and_its_password_open_the_dashboard(door: Door) -> None:
    browser = await door.browser()
    answer = await browser.log_in("operator", next_path="/jobs/account")
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs/account")
    page = await browser.get("/jobs/account")
    assert page.status_code == 200
    assert "You are operator, and your role is operator." in page.text


async def test_names_are_read_as_people_type_them(door: Door) -> None:
    assert (await (await door.browser()).log_in(" Admin ", password_of("admin"))).status_code == 303


@pytest.mark.parametrize("path", ["/jobs/login", "/jobs/account", "/jobs/staff", "/jobs/audit"])
async def test_without_any_account_the_dashboard_is_closed_and_says_how_to_open_it(
    path: str, closed_door: Door
) -> None:
    answer = await (await closed_door.browser()).get(path)
    assert answer.status_code == 401
    assert "STAFF_ADMIN_PASSWORD" in answer.text
    assert "<form" not in answer.text


@pytest.mark.parametrize("name", ["admin", "root", ""])
@pytest.mark.parametrize("password", ["", "admin", "password", "development-admin"])
async def test_no_default_password_opens_a_dashboard_without_accounts(
    name: str, password: str, closed_door: Door
) -> None:
    answer = await (await closed_door.browser()).log_in(name, password)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


async def test_a_wrong_name_a_wrong_password_and_a_disabled_account_are_answered_alike(
    door: Door, owner: Owner
) -> None:
    await owner.execute("UPDATE jobs.staff_accounts SET disabled_at = now() WHERE name = 'viewer'")
    answers = [
        await (await door.browser()).log_in(name, password, address=f"192.0.2.{number}")
        for number, (name, password) in enumerate(
            [
                ("nobody", "a password of nobody"),
                ("admin", "not the password"),
                ("viewer", password_of("viewer")),
                ("admin", ""),
                ("admin", "x" * 5000),
            ]
        )
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert all("Name or password is wrong." in answer.text for answer in answers)
    pages = {re.sub(r'name="name" value="\w*"', "", answer.text) for answer in answers}
    assert len(pages) == 1
    kinds = {tuple(sorted(set(answer.headers) - {"content-length"})) for answer in answers}
    assert len(kinds) == 1
    assert all("set-cookie" not in answer.headers for answer in answers)


class CountingHasher:
    """argon2 itself, counted."""

    def __init__(self) -> None:
        self.verified: list[str] = []
        self._real = PasswordHasher()

    def verify(self, stored: str, password: str) -> bool:
        self.verified.append(stored)
        return self._real.verify(stored, password)

    def hash(self, password: str) -> str:
        return self._real.hash(password)

    def check_needs_rehash(self, stored: str) -> bool:
        return self._real.check_needs_rehash(stored)


@pytest.mark.parametrize("name", ["admin", "nobody", "", "x" * 300])
async def test_a_password_is_hashed_once_whether_the_name_is_known_or_not(
    name: str, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = CountingHasher()
    monkeypatch.setattr(passwords, "_hasher", counting)
    await (await door.browser()).log_in(name, "not the password")
    assert len(counting.verified) == 1
    assert counting.verified[0].startswith("$argon2id$")
    defaults = PasswordHasher()
    assert not defaults.check_needs_rehash(counting.verified[0])  # so it takes as long as a real one


async def test_the_session_of_a_login_is_a_new_one(door: Door, owner: Owner) -> None:
    """Session fixation: what was in the browser before is worth nothing afterwards."""
    browser = await door.browser()
    planted = "planted-by-somebody-else-0123456789abcdefgh"
    assert len(planted) == 43
    browser.client.cookies.set("staff", planted, domain="shop.local")
    await browser.log_in("admin")
    tokens = [cookie.value for cookie in browser.client.cookies.jar if cookie.value != planted]
    assert len(tokens) == 1
    stranger = await door.browser()
    stranger.client.cookies.set("staff", planted, domain="shop.local")
    assert (await stranger.get("/jobs/account")).status_code == 303
    assert await owner.fetchval("SELECT count(*) FROM jobs.staff_sessions") == 1


async def test_logging_in_again_ends_the_session_before(door: Door) -> None:
    browser, thief = await door.browser(), await door.browser()
    await browser.log_in("admin")
    thief.client.cookies.set("staff", browser.token or "", domain="shop.local")
    assert (await thief.get("/jobs/account")).status_code == 200
    await browser.log_in("admin")
    assert (await thief.get("/jobs/account")).status_code == 303
    assert (await browser.get("/jobs/account")).status_code == 200


async def test_logging_out_ends_the_session_on_the_server(door: Door) -> None:
    browser, copy = await door.browser(), await door.browser()
    await browser.log_in("viewer")
    copy.client.cookies.set("staff", browser.token or "", domain="shop.local")
    answer = await browser.send("/jobs/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs/login")
    assert 'staff=""' in answer.headers["set-cookie"]
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert (await copy.get("/jobs/account")).status_code == 303


@pytest.mark.parametrize(
    ("public_url", "cookie"),
    [
        (
            "https://shop.example",
            r"__Host-staff=[\w-]{43}; HttpOnly; Max-Age=604800; Path=/; SameSite=lax; Secure",
        ),
        ("http://shop", r"staff=[\w-]{43}; HttpOnly; Max-Age=604800; Path=/; SameSite=lax"),
    ],
)
async def test_no_script_and_no_other_site_gets_at_the_cookie(
    public_url: str, cookie: str, door: Door, environment: Callable[..., None], database_url: str
) -> None:
    environment(DATABASE_URL=database_url, PUBLIC_URL=public_url)
    async with opened(database_url) as other:
        answer = await (await other.browser()).log_in("admin")
        assert re.fullmatch(cookie, answer.headers["set-cookie"])
        name, _, rest = answer.headers["set-cookie"].partition("=")
        carried = {"Cookie": f"{name}={rest.partition(';')[0]}"}
        page = await (await other.browser()).get("/jobs/account", headers=carried)
        assert page.status_code == 200


async def test_over_https_a_cookie_that_another_host_could_set_counts_for_nothing(
    door: Door, environment: Callable[..., None], database_url: str
) -> None:
    token = (await door.browser_of("admin")).token
    environment(DATABASE_URL=database_url, PUBLIC_URL="https://shop.example")
    async with opened(database_url) as other:
        for name, status in (("staff", 303), ("__Host-staff", 200)):
            page = await (await other.browser()).get("/jobs/staff", headers={"Cookie": f"{name}={token}"})
            assert page.status_code == status


ELSEWHERE = [
    "https://evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\x00/evil",
    " //evil.example",
    "javascript:alert(1)",
    "http:evil.example",
    "evil.example",
    "/jobs/\r\nSet-Cookie: staff=x",
    "/" + "x" * 3000,
    "/jobs/ü",
]


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_nobody_is_led_to_another_site(wanted: str) -> None:
    assert local_path(wanted) == "/jobs"


async def test_the_login_leads_to_our_own_pages_only(door: Door) -> None:
    for wanted in [one for one in ELSEWHERE if "\x00" not in one]:
        browser = await door.browser()
        page = await browser.get("/jobs/login", params={"next": wanted})
        assert 'name="next" value="/jobs"' in page.text
        assert (await browser.log_in("viewer", next_path=wanted)).headers["location"] == "/jobs"
        again = await browser.get("/jobs/login", params={"next": wanted})  # logged in already
        assert (again.status_code, again.headers["location"]) == (303, "/jobs")


@pytest.mark.parametrize("wanted", ["/jobs/queues?state=dead&cursor=a%20b", "/admin/orders", "/jobs"])
def test_a_page_of_ours_is_where_one_wanted_to_go(wanted: str) -> None:
    assert local_path(wanted) == wanted


async def test_a_page_without_a_session_leads_to_the_login_and_back(door: Door) -> None:
    answer = await (await door.browser()).get("/jobs/audit?who=a%26b&action=job")
    assert answer.status_code == 303
    browser = await door.browser()
    page = await browser.get(answer.headers["location"])
    assert 'value="/jobs/audit?who=a%26b&amp;action=job"' in page.text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
async def test_no_other_site_can_log_somebody_in(headers: dict[str, str], door: Door) -> None:
    data = {"name": "admin", "password": password_of("admin")}
    answer = await (await door.browser()).client.post("/jobs/login", data=data, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("application/x-www-form-urlencoded", b"name=" + b"x" * 70_000, 413),
        ("application/x-www-form-urlencoded", b"name=a&name=b", 422),
        ("application/x-www-form-urlencoded", b"name=a%00b", 422),
        ("application/x-www-form-urlencoded", b"\xff", 400),
        ("application/x-www-form-urlencoded", b"a=1&" * 200, 422),
        ("application/x-www-form-urlencoded", b"", 401),
    ],
)
async def test_what_is_no_login_gets_a_clear_answer(
    content_type: str, body: bytes, status: int, door: Door
) -> None:
    headers = {**SAME_ORIGIN, "Content-Type": content_type}
    answer = await (await door.browser()).client.post("/jobs/login", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")


async def test_a_hash_with_older_parameters_is_made_anew(door: Door, owner: Owner) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8192).hash(password_of("admin"))
    await owner.execute("UPDATE jobs.staff_accounts SET password_hash = $1 WHERE name = 'admin'", old)
    assert (await (await door.browser()).log_in("admin")).status_code == 303
    new = await owner.fetchval("SELECT password_hash FROM jobs.staff_accounts WHERE name = 'admin'")
    assert new != old
    assert not PasswordHasher().check_needs_rehash(new)
    assert (await (await door.browser()).log_in("admin")).status_code == 303


async def test_a_password_changed_while_it_is_verified_opens_nothing(
    door: Door, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = passwords.verify

    async def verify_slowly(stored: str | None, password: str) -> bool:
        right = await verify(stored, password)
        other = await passwords.hash_of("another password")
        await owner.execute("UPDATE jobs.staff_accounts SET password_hash = $1", other)
        return right

    monkeypatch.setattr(passwords, "verify", verify_slowly)
    answer = await (await door.browser()).log_in("admin")
    assert answer.status_code == 401
    assert await owner.fetchval("SELECT count(*) FROM jobs.staff_sessions") == 0
    told = await owner.fetch("SELECT action, details->>'reason' FROM jobs.audit_log")
    assert [tuple(row) for row in told] == [("staff.login_failed", "changed meanwhile")]


async def test_hashes_are_argon2id_and_tokens_are_kept_as_hashes_only(door: Door, owner: Owner) -> None:
    browser = await door.browser()
    await browser.log_in("admin")
    made = await browser.send("/jobs/tokens", name="robot", role="viewer", days="")
    shown = re.search(r"kiosk_[\w-]{43}", made.text)
    assert shown is not None
    hashes = [row[0] for row in await owner.fetch("SELECT password_hash FROM jobs.staff_accounts")]
    assert all(one.startswith("$argon2id$v=19$m=65536,t=3,p=4$") for one in hashes)
    tables = await owner.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'jobs'")
    for table in [row["tablename"] for row in tables]:
        rows = await owner.fetch(f'SELECT t::text FROM jobs."{table}" t')
        text = " ".join(row[0] for row in rows)
        for secret in (browser.token or "", shown[0], password_of("admin")):
            assert secret not in text, table


async def test_a_hash_of_another_kind_is_refused_by_the_table(door: Door, owner: Owner) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute("UPDATE jobs.staff_accounts SET password_hash = 'plain'")


async def test_more_logins_than_can_wait_are_sent_away(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAITING_MAX", 0)
    monkeypatch.setattr(passwords, "_at_the_desk", passwords.HASHES_MAX)
    answer: httpx.Response = await (await door.browser()).log_in("admin")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    assert "The next try is open in 2 seconds" in answer.text
