"""Stylesheets and pictures: kept for ever under their own address, never 404 across a deploy."""

from __future__ import annotations

import re

import httpx
import pytest


async def test_a_page_names_its_stylesheet_by_fingerprint(lonely_shop: httpx.AsyncClient) -> None:
    page = await lonely_shop.get("/nothing")
    address = re.search(r'href="(/assets/store\.[0-9a-f]{10}\.css)"', page.text)
    assert address
    sheet = await lonely_shop.get(address[1])
    assert sheet.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert sheet.headers["content-type"].startswith("text/css")
    assert sheet.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("name", ["store.0123456789.css", "store.css"])
async def test_another_releases_fingerprint_gets_the_present_file_not_to_be_kept(
    name: str, lonely_shop: httpx.AsyncClient
) -> None:
    sheet = await lonely_shop.get(f"/assets/{name}")
    assert sheet.status_code == 200
    assert sheet.headers["cache-control"] == "no-store"
    assert "--pine" in sheet.text


@pytest.mark.parametrize("name", ["none.css", "store.js", "..%2Fapp.py", "store", ".css"])
async def test_what_was_never_an_asset_is_not_found(name: str, lonely_shop: httpx.AsyncClient) -> None:
    assert (await lonely_shop.get(f"/assets/{name}")).status_code == 404


@pytest.mark.parametrize("name", ["7.svg", "7-2.svg"])
async def test_a_picture_is_kept_for_ever_and_may_run_nothing(
    name: str, lonely_shop: httpx.AsyncClient
) -> None:
    picture = await lonely_shop.get(f"/pictures/mug/{name}")
    assert picture.headers["content-type"] == "image/svg+xml"
    assert picture.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert picture.headers.get_list("content-security-policy") == ["default-src 'none'"]
    assert picture.text.startswith("<svg")


@pytest.mark.parametrize(
    "path", ["ghost/1.svg", "mug/x.svg", "mug/1.png", "mug/1-.svg", "mug/-1.svg", f"mug/{'9' * 5000}.svg"]
)
async def test_what_can_not_be_drawn_is_not_found(path: str, lonely_shop: httpx.AsyncClient) -> None:
    assert (await lonely_shop.get(f"/pictures/{path}")).status_code == 404


async def test_crawlers_are_kept_out_of_what_is_private(lonely_shop: httpx.AsyncClient) -> None:
    lines = (await lonely_shop.get("/robots.txt")).text.splitlines()
    assert lines[0] == "User-agent: *"
    assert {"Disallow: /cart", "Disallow: /checkout", "Disallow: /orders", "Disallow: /api/"} <= set(lines)
