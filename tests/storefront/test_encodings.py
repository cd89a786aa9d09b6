"""Which form of an asset a browser gets. (What the image's build prepares for that: tests/deploy.)"""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from services.design import asset_files

SHEET = asset_files.SERVICES / "storefront" / "assets" / "store.css"
BROWSER = "gzip, deflate, br, zstd"
FORMS = {"br": b"the sheet as br", "zstd": b"the sheet as zstd", "gzip": b"the sheet as gzip"}


@pytest.fixture
def compressed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forms of the stylesheet as a build would leave them, told apart by their words."""
    monkeypatch.setattr(asset_files, "COMPRESSED_FOLDER", tmp_path)
    for coding, form in FORMS.items():
        name = asset_files.fingerprinted(SHEET, SHEET.read_bytes())
        asset_files.compressed_file(name, coding).write_bytes(form)


@pytest.fixture
async def shop(compressed: None, lonely_shop: httpx.AsyncClient) -> httpx.AsyncClient:
    return lonely_shop


async def _raw(
    shop: httpx.AsyncClient, address: str, accept: str, **headers: str
) -> tuple[httpx.Response, bytes]:
    """The response and its body as it was sent."""
    given = {"Accept-Encoding": accept, **headers}
    async with shop.stream("GET", address, headers=given) as response:
        return response, b"".join([part async for part in response.aiter_raw()])


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip"])
async def test_an_asset_is_sent_as_the_build_compressed_it(coding: str, shop: httpx.AsyncClient) -> None:
    response, body = await _raw(shop, "/assets/store.css", coding)
    assert response.headers["content-encoding"] == coding
    assert response.headers["vary"] == "Accept-Encoding"
    assert int(response.headers["content-length"]) == len(body)
    assert body == FORMS[coding]


async def test_each_form_has_a_tag_of_its_own_and_is_not_sent_twice(shop: httpx.AsyncClient) -> None:
    tags = []
    for accept in ("br", "zstd", "gzip", "identity"):
        response, _ = await _raw(shop, "/assets/store.css", accept)
        tag = response.headers["etag"]
        tags.append(tag)
        again, body = await _raw(shop, "/assets/store.css", accept, **{"If-None-Match": f'"other", {tag}'})
        assert (again.status_code, again.headers["etag"], body) == (304, tag, b"")
    assert len(set(tags)) == 4
    of_br = {"If-None-Match": tags[0]}
    another, _ = await _raw(shop, "/assets/store.css", "gzip", **of_br)
    assert another.status_code == 200


async def test_head_tells_the_same_without_the_body(shop: httpx.AsyncClient) -> None:
    full, _ = await _raw(shop, "/assets/store.css", BROWSER)
    head = await shop.head("/assets/store.css", headers={"Accept-Encoding": BROWSER})
    assert head.content == b""
    for name in ("content-length", "content-encoding", "etag", "vary", "content-type"):
        assert head.headers[name] == full.headers[name]


async def test_forms_left_over_from_another_content_are_not_taken(
    compressed: None, lonely_shop: httpx.AsyncClient
) -> None:
    """The script has none here, and those of the stylesheet are not its."""
    changed = asset_files.fingerprinted(SHEET, SHEET.read_bytes() + b"/* changed */")
    assert not asset_files.compressed_file(changed, "br").exists()
    response, _ = await _raw(lonely_shop, "/assets/payment.js", "br, gzip;q=0.5")
    assert response.headers["content-encoding"] == "gzip"
