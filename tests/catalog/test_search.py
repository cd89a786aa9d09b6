"""Search and suggest: what a shopper types is not what the shop wrote."""

from typing import Any

import asyncpg
import httpx
import pytest

from tests.catalog.conftest import AddProduct

pytestmark = pytest.mark.anyio


async def _found(client: httpx.AsyncClient, q: str, **params: Any) -> list[str]:
    response = await client.get("/api/catalog/products", params={"q": q, **params})
    return [item["slug"] for item in response.json()["items"]]


async def _suggested(client: httpx.AsyncClient, q: str) -> list[tuple[str, str]]:
    response = await client.get("/api/catalog/suggest", params={"q": q})
    assert response.status_code == 200
    return [(item["kind"], item["text"]) for item in response.json()["items"]]


@pytest.mark.parametrize("q", ["cafe cup", "CAFÉ cups", "cup café", "café"])
async def test_accents_case_order_and_endings_do_not_matter(
    catalog: httpx.AsyncClient, add_product: AddProduct, q: str
) -> None:
    await add_product("cup", title="Café cups")
    assert await _found(catalog, q) == ["cup"]


async def test_all_words_in_the_title_come_before_all_words_anywhere(
    catalog: httpx.AsyncClient, add_product: AddProduct
) -> None:
    await add_product("famous", title="Oak board", description="Goes with a linen towel.", popularity=100)
    await add_product("linen-towel", title="Linen towel", popularity=1)
    await add_product("best-towel", title="Linen towel XL", popularity=2)
    assert await _found(catalog, "linen towel") == ["best-towel", "linen-towel", "famous"]
    assert await _found(catalog, "linen towel", limit=2) == ["best-towel", "linen-towel"]


async def test_attributes_brands_and_categories_are_searched(
    catalog: httpx.AsyncClient, owner: asyncpg.Connection, add_product: AddProduct
) -> None:
    await owner.execute("INSERT INTO catalog.categories (slug, name) VALUES ('teaware', 'Teaware')")
    await add_product("pot", brand="Łucja", attributes='{"material": "stoneware"}', category="teaware")
    for q in ("lucja", "stoneware", "teaware pot"):
        assert await _found(catalog, q) == ["pot"], q


async def test_a_quoted_phrase_and_an_excluded_word_are_understood(
    catalog: httpx.AsyncClient, add_product: AddProduct
) -> None:
    await add_product("red-mug", title="Red mug")
    await add_product("mug-red", title="Mug, red")
    assert await _found(catalog, '"red mug"') == ["red-mug"]
    assert set(await _found(catalog, "mug -blue")) == {"red-mug", "mug-red"}


@pytest.mark.parametrize("sort", ["relevance", "name"])
async def test_an_excluded_word_excludes_wherever_it_stands(
    catalog: httpx.AsyncClient, add_product: AddProduct, sort: str
) -> None:
    await add_product("lamp", title="Lamp", description="With a red cable.")
    await add_product("white-lamp", title="Lamp, white")
    assert await _found(catalog, "lamp -red", sort=sort) == ["white-lamp"]


@pytest.mark.parametrize(
    "q", ["headphones", "headph", "hedphones", "headpohnes", "HEADPHONE wireles", "Héadphones"]
)
async def test_suggest_forgives_typing_errors(
    catalog: httpx.AsyncClient, add_product: AddProduct, q: str
) -> None:
    await add_product("headphones", title="Wireless headphones")
    await add_product("lamp", title="Desk lamp")
    assert await _suggested(catalog, q) == [("product", "Wireless headphones")]


async def test_suggest_names_categories_first_and_at_most_eight(
    catalog: httpx.AsyncClient, owner: asyncpg.Connection, add_product: AddProduct
) -> None:
    await owner.execute("INSERT INTO catalog.categories (slug, name) VALUES ('lamps', 'Lamps')")
    for number in range(12):
        await add_product(f"lamp-{number}", title=f"Lamp {number}", popularity=number)
    suggested = await _suggested(catalog, "lam")
    assert suggested[0] == ("category", "Lamps")
    assert len(suggested) == 8
    assert suggested[1] == ("product", "Lamp 11")


@pytest.mark.parametrize("q", ["", "l", "   ", "qqqqzzzz"])
async def test_suggest_stays_silent_when_it_knows_nothing(
    catalog: httpx.AsyncClient, add_product: AddProduct, q: str
) -> None:
    await add_product("lamp", title="Lamp")
    assert await _suggested(catalog, q) == []
