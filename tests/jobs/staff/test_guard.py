"""Every route by every role; and what a request that changes something has to show besides.

The routes are those of the whole service: one that declares no role fails here.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse

from services.jobs.app import service
from services.jobs.staff import tokens
from services.jobs.staff.access import Staffed
from services.jobs.staff.who import ROLES, Role, Who
from services.operations import Operation
from tests.jobs.staff.conftest import PUBLIC_URL, SAME_ORIGIN, SHELL, Door, opened

# What anybody may call: the way in, the files a page is dressed with, and what only the inner door reaches.
OPEN = re.compile(
    r"(GET|POST) /jobs/login|GET /jobs/assets/\{name\}|GET /internal/jobs/session|GET /internal/jobs/openapi"
)
GUARDED = [one for one in service.operations if not OPEN.fullmatch(f"{one.method} {one.path}")]
UNSAFE = [one for one in GUARDED if one.method not in ("GET", "HEAD")]


def _label(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def _guard_of(operation: Operation) -> Staffed[Any, Any]:
    assert isinstance(operation.endpoint, Staffed), f"{_label(operation)} declares no role"
    return operation.endpoint


def _path_of(operation: Operation) -> str:
    path = re.sub(r"\{\w+:uuid\}", "00000000-0000-0000-0000-000000000000", operation.path)
    return re.sub(r"\{[^}]+\}", "1", path)


@pytest.mark.parametrize("operation", GUARDED, ids=_label)
def test_every_route_declares_who_may_use_it(operation: Operation) -> None:
    guard = _guard_of(operation)
    assert guard.role in ROLES
    if operation.path.startswith("/api/"):
        assert guard.reader == "program"
        assert operation.guard == guard.guard
    else:
        assert guard.reader == "person"
        assert operation.path == "/jobs" or operation.path.startswith("/jobs/")
        assert (guard.form is not None) == (operation.method == "POST"), "a form has its token checked"
    if operation.method not in ("GET", "HEAD") and operation.path != "/jobs/logout":
        assert guard.role != "viewer" or operation.path == "/jobs/account/password"


def test_there_are_routes_to_guard() -> None:
    assert len(GUARDED) > 10
    assert len(UNSAFE) > 5


class Reached:
    """Stands in for every endpoint, so that the guards can be tried with any call."""

    def __init__(self) -> None:
        self.by: list[Who] = []

    async def __call__(self, _call: Any, who: Who) -> PlainTextResponse:
        self.by.append(who)
        return PlainTextResponse("reached")

    def instead_of(self, operation: Operation) -> Operation:
        guard = replace(_guard_of(operation), endpoint=self)
        return replace(operation, endpoint=guard, guard=guard.guard if operation.guard else None)


@pytest.fixture
async def reached() -> Reached:
    return Reached()


@pytest.fixture
async def hollow(door: Door, reached: Reached, database_url: str) -> AsyncIterator[Door]:
    """The whole service with hollow endpoints."""
    hollowed = replace(service, operations=[reached.instead_of(one) for one in GUARDED])
    async with opened(database_url, hollowed) as opened_door:
        yield opened_door


async def test_nobody_gets_past_without_having_logged_in(hollow: Door, reached: Reached) -> None:
    browser = await hollow.browser()
    for operation in GUARDED:
        answer = await browser.client.request(operation.method, _path_of(operation), headers=SAME_ORIGIN)
        if operation.path.startswith("/api/"):
            assert answer.status_code == 401, _label(operation)
            assert answer.json()["type"] == "/problems/unauthorized"
            assert answer.headers["www-authenticate"] == "Bearer"
        else:
            assert answer.status_code == 303, _label(operation)
            assert answer.headers["location"].startswith("/jobs/login")
        _is_kept_by_nobody(answer)
    assert reached.by == []


@pytest.mark.parametrize("role", ROLES)
async def test_a_session_reaches_what_its_role_may(role: Role, hollow: Door, reached: Reached) -> None:
    browser = await hollow.browser_of(role)
    for operation in GUARDED:
        reached.by.clear()
        headers = {**SAME_ORIGIN, "X-CSRF-Token": browser.csrf}
        if operation.method == "POST" and not operation.path.startswith("/api/"):
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        answer = await browser.client.request(operation.method, _path_of(operation), headers=headers)
        _is_decided_by_role(operation, role, answer, reached)
        assert all(who == Who(role, role, "session") for who in reached.by)
        _is_kept_by_nobody(answer)


@pytest.mark.parametrize("role", ROLES)
async def test_a_token_reaches_what_its_role_may(role: Role, hollow: Door, reached: Reached) -> None:
    token = await tokens.create(hollow.database, SHELL, f"robot {role}", role, None)
    browser = await hollow.browser()
    for operation in GUARDED:
        reached.by.clear()
        headers = {"Authorization": f"Bearer {token}"}
        answer = await browser.client.request(operation.method, _path_of(operation), headers=headers)
        if operation.path.startswith("/api/"):
            _is_decided_by_role(operation, role, answer, reached)
            assert all(who == Who(f"robot {role}", role, "token") for who in reached.by)
        else:
            assert answer.status_code == 303, "tokens are for programs: pages know sessions only"
            assert reached.by == []


def _is_decided_by_role(operation: Operation, role: Role, answer: httpx.Response, reached: Reached) -> None:
    """Who may is let through, though the call may then be refused for what it lacks."""
    if Who("x", role, "session").may(_guard_of(operation).role):
        assert answer.status_code not in (303, 401, 403), _label(operation)
    else:
        assert answer.status_code == 403, _label(operation)
        assert "Your role may not do that" in answer.text
        assert reached.by == [], _label(operation)


def _is_kept_by_nobody(answer: httpx.Response) -> None:
    headers = answer.headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert "unsafe" not in headers["content-security-policy"]


FOREIGN: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://other.shop"},
    {"Origin": "https://evil.example"},
    {"Origin": f"{PUBLIC_URL}.evil.example"},
    {"Origin": "null"},
    {"Referer": f"{PUBLIC_URL}/jobs"},
    {},
]


async def test_what_changes_something_is_refused_from_another_site(hollow: Door, reached: Reached) -> None:
    browser = await hollow.browser_of("admin")
    for operation in UNSAFE:
        for origin in FOREIGN:
            headers = {**origin, "X-CSRF-Token": browser.csrf}
            answer = await browser.client.request(
                operation.method, _path_of(operation), headers=headers, data={"csrf": browser.csrf}
            )
            assert answer.status_code == 403, (_label(operation), origin)
    assert reached.by == []


async def test_what_changes_something_is_refused_without_the_sessions_token(
    hollow: Door, reached: Reached
) -> None:
    browser, other = await hollow.browser_of("admin"), await hollow.browser_of("admin")
    wrong = ["", "0" * 64, browser.csrf[:-1], browser.csrf.upper(), other.csrf, browser.token or "", "ü"]
    for operation in UNSAFE:
        path = _path_of(operation)
        missing = await browser.client.request(operation.method, path, headers=SAME_ORIGIN, data={"x": "y"})
        assert missing.status_code == 403, _label(operation)
        for token in wrong:
            field = {"csrf": token}
            answer = await browser.client.request(operation.method, path, headers=SAME_ORIGIN, data=field)
            assert answer.status_code == 403, (_label(operation), token)
            headers = [(b"Sec-Fetch-Site", b"same-origin"), (b"X-CSRF-Token", token.encode("latin-1"))]
            answer = await browser.client.request(
                operation.method, path, headers=headers, data={"csrf": browser.csrf}
            )
            assert answer.status_code == 403, "the header counts where there is one"
    assert reached.by == []


async def test_the_token_of_a_form_comes_with_every_page_behind_the_login(door: Door) -> None:
    browser, other = await door.browser_of("admin"), await door.browser_of("admin")
    for path in ("/jobs/account", "/jobs/staff", "/jobs/tokens", "/jobs/audit"):
        text = (await browser.get(path)).text
        assert set(re.findall(r'name="csrf" value="(\w+)"', text)) == {browser.csrf}
        assert text.count('method="post"') == text.count('name="csrf"')
    assert browser.csrf != other.csrf


async def test_a_get_changes_nothing_by_a_form_sent_with_it(door: Door) -> None:
    browser = await door.browser_of("admin")
    for operation in [one for one in UNSAFE if one.path.startswith("/jobs")]:
        answer = await browser.get(_path_of(operation), params={"csrf": browser.csrf})
        assert answer.status_code in (200, 404, 405), _label(operation)
    assert (await browser.get("/jobs/account")).status_code == 200  # not even logged out


async def test_a_role_that_is_too_low_is_told_so_on_a_page(door: Door) -> None:
    answer = await (await door.browser_of("viewer")).get("/jobs/staff")
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")
    assert "This needs the role admin; yours is viewer" in answer.text


async def test_with_the_database_away_pages_say_so_and_nobody_gets_in(
    door: Door, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBS_DATABASE_URL", "postgresql://kiosk_jobs@127.0.0.1:9/nowhere")
    async with opened(database_url) as away:
        browser = await away.browser()
        browser.client.cookies.set("staff", "x" * 43, domain="shop.local")
        for path in ("/jobs/account", "/jobs/login"):
            answer = await browser.get(path)
            assert answer.status_code == 503
            assert answer.headers["content-type"].startswith("text/html")
            assert answer.headers["retry-after"] == "2"
        assert (await browser.log_in("admin")).status_code == 503
