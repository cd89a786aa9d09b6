"""Renaming a product by an import: it stays the same product, and its old names lead to it."""

from __future__ import annotations

import asyncpg
import httpx
import pytest

from tests.catalog.conftest import SendLines, a_line
from tests.conftest import INNER_DOOR

FORMER = "/internal/catalog/former-slugs/products"


async def id_of(owner: asyncpg.Connection, slug: str) -> int | None:
    found: int | None = await owner.fetchval("SELECT id FROM catalog.products WHERE slug = $1", slug)
    return found


async def test_a_line_that_names_a_former_slug_renames_the_product(
    send: SendLines, catalog: httpx.AsyncClient, owner: asyncpg.Connection
) -> None:
    await send(a_line("cup", sku="C-1"))
    before = await id_of(owner, "cup")
    report = await send(a_line("mug", sku="C-1", formerly=["cup"]))
    assert (report.created, report.updated, report.errors) == (0, 1, [])
    assert await id_of(owner, "mug") == before
    assert (await catalog.get("/api/catalog/products/cup")).status_code == 404
    assert (await catalog.get("/api/catalog/products/mug")).status_code == 200
    assert (await catalog.get(f"{FORMER}/cup", headers=INNER_DOOR)).json() == {"slug": "mug"}


async def test_sent_again_a_renaming_line_changes_nothing(
    send: SendLines, catalog: httpx.AsyncClient
) -> None:
    await send(a_line("cup"))
    line = a_line("mug", sku="SKU-cup", formerly=["cup"])
    await send(line)
    report = await send(line)
    assert (report.created, report.updated, report.unchanged) == (0, 0, 1)
    await send(a_line("mug", sku="SKU-cup"))
    assert (await catalog.get(f"{FORMER}/cup", headers=INNER_DOOR)).json() == {"slug": "mug"}, (
        "no line takes a name away"
    )


async def test_a_rename_follows_in_the_same_import_and_through_several_names(
    send: SendLines, catalog: httpx.AsyncClient
) -> None:
    await send(
        a_line("one", sku="X"),
        a_line("two", sku="X", formerly=["one"]),
        a_line("three", sku="X", formerly=["two"]),
    )
    for former in ("one", "two"):
        assert (await catalog.get(f"{FORMER}/{former}", headers=INNER_DOOR)).json() == {"slug": "three"}


async def test_names_it_had_in_another_shop_are_remembered_too(
    send: SendLines, catalog: httpx.AsyncClient
) -> None:
    await send(a_line("mug", formerly=["becher", "tasse"]))
    for former in ("becher", "tasse"):
        assert (await catalog.get(f"{FORMER}/{former}", headers=INNER_DOOR)).json() == {"slug": "mug"}
    await send(a_line("cup", formerly=["tasse"]))
    assert (await catalog.get(f"{FORMER}/tasse", headers=INNER_DOOR)).json() == {"slug": "cup"}, (
        "the last word counts"
    )


async def test_a_name_that_is_another_products_own_is_refused(
    send: SendLines, catalog: httpx.AsyncClient
) -> None:
    await send(a_line("cup"), a_line("mug"))
    report = await send(a_line("mug", title="New", formerly=["x", "cup"]))
    assert [(error.field, error.message) for error in report.errors] == [
        ("formerly[1]", "cup is a product of its own")
    ]
    assert (await catalog.get("/api/catalog/products/mug")).json()["title"] == "Mug"
    assert (await catalog.get(f"{FORMER}/x", headers=INNER_DOOR)).status_code == 404


async def test_two_products_do_not_become_one(send: SendLines) -> None:
    await send(a_line("cup"), a_line("beaker"))
    report = await send(a_line("mug", formerly=["cup", "beaker"]))
    assert [error.field for error in report.errors] == ["formerly[1]"]
    assert (report.created, report.updated) == (0, 0)


async def test_a_line_that_is_wrong_elsewhere_renames_nothing(
    send: SendLines, owner: asyncpg.Connection
) -> None:
    await send(a_line("cup"), a_line("plate", sku="P"))
    report = await send(a_line("mug", sku="P", formerly=["cup"]))
    assert [error.message for error in report.errors] == ["belongs to plate"]
    assert await id_of(owner, "cup") is not None


async def test_a_name_may_be_given_to_something_new(send: SendLines, catalog: httpx.AsyncClient) -> None:
    await send(a_line("cup"))
    await send(a_line("mug", sku="SKU-cup", formerly=["cup"]), a_line("cup", sku="OTHER"))
    assert (await catalog.get("/api/catalog/products/cup")).json()["variants"][0]["sku"] == "OTHER"


async def test_a_product_renamed_back_is_led_to_by_the_other_name(
    send: SendLines, catalog: httpx.AsyncClient
) -> None:
    await send(a_line("cup", sku="X"), a_line("mug", sku="X", formerly=["cup"]))
    await send(a_line("cup", sku="X", formerly=["mug"]))
    assert (await catalog.get(f"{FORMER}/mug", headers=INNER_DOOR)).json() == {"slug": "cup"}
    assert (await catalog.get(f"{FORMER}/cup", headers=INNER_DOOR)).status_code == 404


@pytest.mark.parametrize("formerly", [["Cup"], ["a b"], [""], ["x"] * 21])
async def test_what_can_be_no_slug_is_refused(formerly: list[str], send: SendLines) -> None:
    report = await send(a_line("mug", formerly=formerly))
    assert report.errors[0].field.startswith("formerly")
