"""What Traefik's forwardAuth is told."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from tests.jobs.staff.conftest import PUBLIC_URL, Door

CHECK = "/internal/jobs/session"
INNER = {"X-Entry": "internal"}
PAGE = {
    **INNER,
    "Accept": "text/html,*/*;q=0.8",
    "X-Forwarded-Method": "GET",
    "X-Forwarded-Uri": "/admin/a?b=c",
}


@pytest.mark.parametrize(
    ("role", "least", "status"),
    [
        ("viewer", "", 200),
        ("viewer", "?role=viewer", 200),
        ("viewer", "?role=operator", 403),
        ("operator", "?role=operator", 200),
        ("operator", "?role=admin", 403),
        ("admin", "?role=admin", 200),
        ("admin", "?role=owner", 422),
        ("admin", "?least=viewer", 422),
    ],
)
async def test_a_session_is_good_for_its_role_and_those_below(
    role: str, least: str, status: int, door: Door
) -> None:
    answer = await (await door.browser_of(role)).get(CHECK + least, headers=PAGE)
    assert answer.status_code == status
    assert answer.headers["cache-control"] == "no-store"
    if status == 200:
        assert unquote(answer.headers["x-staff-name"]) == role
        assert answer.headers["x-staff-role"] == role
        assert answer.content == b""
    else:
        assert "x-staff-name" not in answer.headers


async def test_a_page_without_a_session_is_led_to_the_login_and_back(door: Door) -> None:
    answer = await (await door.browser()).get(CHECK, headers=PAGE)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{PUBLIC_URL}/jobs/login?next=/admin/a%3Fb%3Dc"


@pytest.mark.parametrize("uri", ["//evil.example/", "https://evil.example/", "/\\evil.example"])
async def test_the_page_that_was_wanted_is_one_of_ours(uri: str, door: Door) -> None:
    answer = await (await door.browser()).get(CHECK, headers={**PAGE, "X-Forwarded-Uri": uri})
    assert answer.headers["location"] == f"{PUBLIC_URL}/jobs/login"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Uri": "/api/checkout/admin/orders"},
        {"X-Forwarded-Method": "POST"},
        {"Accept": "application/json"},
    ],
)
async def test_a_program_without_a_session_gets_a_problem(headers: dict[str, str], door: Door) -> None:
    answer = await (await door.browser()).get(CHECK, headers={**PAGE, **headers})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("entry", [{}, {"X-Entry": "public"}, {"X-Entry": "INTERNAL"}])
async def test_it_does_not_exist_at_the_public_door(entry: dict[str, str], door: Door) -> None:
    answer = await (await door.browser_of("admin")).get(CHECK, headers=entry)
    assert answer.status_code == 404
