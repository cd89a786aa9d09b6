"""Who may send the shop's forms, and what a form may be."""

from __future__ import annotations

import httpx
import pytest

from services.storefront.app import service
from tests.storefront.conftest import PUBLIC_URL

LINE = {"sku": "SKU-mug", "quantity": "1"}
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
UNSAFE = [operation.path for operation in service.operations if operation.method != "GET"]


@pytest.mark.parametrize(
    ("headers", "accepted"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site", "Origin": "https://other.shop.example"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": PUBLIC_URL}, False),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, True),
        ({"Sec-Fetch-Site": ""}, False),
        ({"Origin": PUBLIC_URL}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": PUBLIC_URL + ".evil.example"}, False),
        ({"Origin": PUBLIC_URL.replace("https", "http")}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "https://10.0.0.7:8080", "Host": "10.0.0.7:8080"}, True),
        ({"Referer": PUBLIC_URL + "/cart"}, False),
        ({}, False),
    ],
)
async def test_a_form_is_taken_from_the_shops_own_pages_only(
    headers: dict[str, str], accepted: bool, lonely_shop: httpx.AsyncClient
) -> None:
    answer = await lonely_shop.post("/cart/discount/remove", data={"x": ""}, headers=headers)
    assert answer.status_code == (303 if accepted else 403)
    if not accepted:
        assert "We didn’t take this form" in answer.text
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", UNSAFE)
async def test_every_form_is_guarded(path: str, lonely_shop: httpx.AsyncClient) -> None:
    evil = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    answer = await lonely_shop.post(path.replace("{token}", "x" * 32), data=LINE, headers=evil)
    assert answer.status_code == 403


def test_there_are_forms_to_guard_and_all_are_posts() -> None:
    assert len(UNSAFE) == 7
    assert {o.method for o in service.operations} == {"GET", "POST"}


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (415, "application/json", b"{}"),
        (415, "multipart/form-data; boundary=x", b"--x--"),
        (415, "text/plain", b"sku=a"),
        (413, "application/x-www-form-urlencoded", b"sku=" + b"a" * 20_000),
        (422, "application/x-www-form-urlencoded", b"sku=a&sku=b"),
        (422, "application/x-www-form-urlencoded", b"sku=%00"),
        (422, "application/x-www-form-urlencoded", b"&".join(b"x%d=1" % n for n in range(101))),
        (400, "application/x-www-form-urlencoded", "sku=é".encode()),
    ],
)
async def test_what_is_no_form_is_refused_in_plain_words(
    status: int, content_type: str, body: bytes, lonely_shop: httpx.AsyncClient
) -> None:
    headers = {**SAME_ORIGIN, "Content-Type": content_type}
    answer = await lonely_shop.post("/cart/lines", content=body, headers=headers)
    assert answer.status_code == status
    assert "We can’t read this form" in answer.text


async def test_a_form_can_not_be_sent_by_get(lonely_shop: httpx.AsyncClient) -> None:
    answer = await lonely_shop.get("/cart/lines", params=LINE)
    assert answer.status_code == 405
