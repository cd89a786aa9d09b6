"""What the closed shop says: a page to people, a problem to machines."""

import pytest
from starlette.requests import Request
from starlette.responses import Response

from services.decode import Nothing
from services.health.maintenance import Asked, maintenance
from services.operations import Call

pytestmark = pytest.mark.anyio


async def _said(**asked: str) -> Response:
    request = Request({"type": "http", "method": "GET", "path": "/", "headers": []})
    return await maintenance(Call(request, None, Asked(**asked), Nothing()))


async def test_a_person_reads_the_operators_words() -> None:
    page = await _said(url="http://shop.example/cart", message="Back at <noon>")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert b"<p>Back at &lt;noon&gt;</p>" in page.body
    assert b"{" in page.body  # the style's braces
    assert b"{{" not in page.body


async def test_without_words_the_page_has_its_own() -> None:
    assert b"Carts and orders are kept" in (await _said()).body


@pytest.mark.parametrize("url", ["/api/catalog/products", "https://shop.example/api/checkout/carts?a=b"])
async def test_a_program_reads_a_problem(url: str) -> None:
    answer = await _said(url=url)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.status_code == 503


@pytest.mark.parametrize(
    "url", ["/search?q=http://x/api/y", "https://shop.example", "https://shop.example/apifel"]
)
async def test_other_addresses_are_a_persons(url: str) -> None:
    assert (await _said(url=url)).headers["content-type"].startswith("text/html")
