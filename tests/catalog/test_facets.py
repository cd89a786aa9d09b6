"""Facets: counts are right, bounded, and say when they are not all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product as each_of
from typing import Any
from urllib.parse import urlencode

import asyncpg
import httpx
import msgspec
import pytest

from services.catalog import facets, listing
from services.catalog.facet_shapes import AttributeFacet, BrandFacet, CategoryFacet, PriceFacet, Total
from services.catalog.shapes import ListQuery
from services.decode import decode_query
from services.money import Money
from tests.catalog.conftest import AddProduct

pytestmark = pytest.mark.anyio
PRODUCTS = "/api/catalog/products"
ALL = "category,brand,price,attributes"
Params = dict[str, Any]


class Whole(msgspec.Struct, forbid_unknown_fields=True):
    """All facets there are."""

    total: Total
    category: CategoryFacet
    brand: BrandFacet
    price: PriceFacet
    attributes: list[AttributeFacet]


class _Page(msgspec.Struct):
    facets: Whole


async def _facets(client: httpx.AsyncClient, **params: Any) -> Whole:
    response = await client.get(PRODUCTS, params={"facets": ALL, "limit": 1, **params})
    assert response.status_code == 200, response.text
    return msgspec.json.decode(response.content, type=_Page).facets


def _counts(values: Sequence[Any]) -> dict[str, int]:
    return {value.value: value.count for value in values}


def _attribute(found: Whole, name: str) -> dict[str, int]:
    return next((_counts(attribute.values) for attribute in found.attributes if attribute.name == name), {})


class Shop:
    """What the demo shop holds, read whole: the truth that counts are held against."""

    def __init__(self, rows: list[asyncpg.Record], chosen: Params) -> None:
        self.rows, self.chosen = rows, chosen

    def passing(self, *, ignoring: str = "") -> list[asyncpg.Record]:
        return [
            row
            for row in self.rows
            if all(name == ignoring or self._passes(row, name) for name in self.chosen)
        ]

    def _passes(self, row: asyncpg.Record, name: str) -> bool:
        wanted = self.chosen[name]
        if name == "brand":
            return row["brand"] in wanted
        if name == "category":
            return wanted in row["categories"]
        if name == "price":
            return bool(wanted[0] <= row["price_minor"] <= wanted[1])
        if name == "in_stock":
            return bool(row["availability"] > 0)
        if name == "q":
            return bool(row["matches"])
        return any(f"{name.removeprefix('attr.')}={value}" in row["attribute_terms"] for value in wanted)


_EVERYTHING = """
    SELECT p.brand, p.price_minor, p.availability, p.attribute_terms,
           array(SELECT c.slug FROM catalog.category_listing l
                 JOIN catalog.categories c ON c.id = l.category_id WHERE l.product_id = p.id) AS categories,
           s.full_vector @@ websearch_to_tsquery('catalog.shop', 'cotton') AS matches
    FROM catalog.products p JOIN catalog.search_documents s ON s.product_id = p.id
    WHERE p.published_at IS NOT NULL
"""


def _asked(chosen: Params) -> Params:
    params = {name: value for name, value in chosen.items() if name != "price"}
    if "price" in chosen:
        params["price_min"], params["price_max"] = chosen["price"]
    return params


async def test_counts_are_those_of_counting_everything_in_every_combination(
    demo: httpx.AsyncClient, demo_url: str
) -> None:
    owner = await asyncpg.connect(demo_url)
    rows = await owner.fetch(_EVERYTHING)
    await owner.close()
    brands = [brand for brand, _ in Counter(row["brand"] for row in rows).most_common(2)]
    for chosen in _combinations(brands):
        found = await _facets(demo, **_asked(chosen))
        assert not _approximate(found)
        _compare(found, Shop(rows, chosen))


async def test_counts_that_do_not_say_they_are_approximate_are_exact(
    demo: httpx.AsyncClient, demo_url: str, few: int
) -> None:
    owner = await asyncpg.connect(demo_url)
    rows = await owner.fetch(_EVERYTHING)
    await owner.close()
    brands = [brand for brand, _ in Counter(row["brand"] for row in rows).most_common(2)]
    seen = set()
    for chosen in _combinations(brands):
        found = await _facets(demo, **_asked(chosen))
        _compare(found, Shop(rows, chosen))
        seen.add(_approximate(found))
    assert any("total" in approximate for approximate in seen)
    assert any("total" not in approximate for approximate in seen)


def _combinations(brands: list[str]) -> Iterator[Params]:
    selections: list[list[Params]] = [
        [{}, {"brand": brands}],
        [{}, {"price": (2000, 7999)}],
        [{}, {"attr.colour": ["Black", "Navy"]}],
        [{}, {"attr.care": ["Wipe clean"]}],
        [{}, {"category": "home"}],
        [{}, {"q": "cotton"}, {"in_stock": "true"}],
    ]
    for parts in each_of(*selections):
        yield {name: value for part in parts for name, value in part.items()}


def _approximate(found: Whole) -> frozenset[str]:
    said = {
        "total": found.total.approximate,
        "brand": found.brand.approximate,
        "price": found.price.approximate,
        "attributes": any(attribute.approximate for attribute in found.attributes),
    }
    return frozenset(name for name, approximate in said.items() if approximate)


def _agrees(count: int, true: int, *, approximate: bool) -> bool:
    return count <= true if approximate else count == true


def _compare(found: Whole, shop: Shop) -> None:
    about = shop.chosen
    approximate = found.total.approximate
    assert _agrees(found.total.count, len(shop.passing()), approximate=approximate), about
    selected = set(about.get("brand", ()))
    true = Counter(row["brand"] for row in shop.passing(ignoring="brand"))
    for brand, count in _counts(found.brand.values).items():
        assert _agrees(count, true[brand], approximate=found.brand.approximate), (about, brand)
    if not found.brand.approximate:
        assert len(found.brand.values) >= min(len(true), facets.VALUES_MAX), about
    assert selected <= _counts(found.brand.values).keys()
    _compare_prices(found, shop)
    for attribute in found.attributes:
        prefix = attribute.name + "="
        terms = Counter(
            term
            for row in shop.passing(ignoring=f"attr.{attribute.name}")
            for term in row["attribute_terms"]
            if term.startswith(prefix)
        )
        for value, count in _counts(attribute.values).items():
            true_count = terms[prefix + value]
            assert _agrees(count, true_count, approximate=attribute.approximate), (about, prefix, value)
        if not attribute.approximate:
            assert len(attribute.values) >= min(len(terms), facets.VALUES_MAX), about
    for category in found.category.values:
        true_count = sum(category.slug in row["categories"] for row in shop.passing())
        assert _agrees(category.count, true_count, approximate=approximate), about


def _compare_prices(found: Whole, shop: Shop) -> None:
    passing = shop.passing(ignoring="price")
    for band in found.price.values:
        low = band.price_min.amount if band.price_min else 0
        high = band.price_max.amount if band.price_max else 10**12
        true_count = sum(low <= row["price_minor"] <= high for row in passing)
        assert _agrees(band.count, true_count, approximate=found.price.approximate), (shop.chosen, band)
    assert any(band.selected for band in found.price.values) == ("price" in shop.chosen)
    if found.price.values and "price" not in shop.chosen and not found.price.approximate:
        assert sum(band.count for band in found.price.values) == len(passing)


async def test_values_of_one_facet_are_alternatives_and_facets_are_combined(
    catalog: httpx.AsyncClient, add_product: AddProduct
) -> None:
    await add_product("a", brand="Åse", price_minor=500, attributes='{"color": "red"}')
    await add_product("b", brand="Åse", price_minor=900, attributes='{"color": "blue"}')
    await add_product("c", brand="Bo", price_minor=5000, attributes='{"color": "red", "size": "M"}')
    found = await _facets(catalog, brand="Åse", **{"attr.color": "red"})
    assert found.total.count == 1
    assert _counts(found.brand.values) == {"Åse": 1, "Bo": 1}
    assert _attribute(found, "color") == {"blue": 1, "red": 1}
    assert _attribute(found, "size") == {}


async def test_what_is_selected_is_listed_even_when_nothing_has_it(
    catalog: httpx.AsyncClient, owner: asyncpg.Connection, add_product: AddProduct
) -> None:
    await owner.execute("INSERT INTO catalog.categories (slug, name) VALUES ('attic', 'Attic')")
    await add_product("mug", brand="Bo", attributes='{"color": "red"}')
    chosen: Params = {
        "brand": "Nobody",
        "category": "attic",
        "price_max": 5,
        "attr.color": "x=y",
        "attr.odd": "z",
    }
    found = await _facets(catalog, **chosen)
    assert [(c.slug, c.name, c.count, c.selected) for c in found.category.values] == [
        ("attic", "Attic", 0, True)
    ]
    assert [(b.value, b.count, b.selected) for b in found.brand.values] == [("Nobody", 0, True)]
    assert [(b.price_min, b.price_max, b.count, b.selected) for b in found.price.values] == [
        (None, Money(5, "EUR"), 0, True)
    ]
    assert [(a.name, [(v.value, v.count, v.selected) for v in a.values]) for a in found.attributes] == [
        ("color", [("x=y", 0, True)]),
        ("odd", [("z", 0, True)]),
    ]


async def test_categories_are_the_children_of_the_chosen_one(
    catalog: httpx.AsyncClient, owner: asyncpg.Connection, add_product: AddProduct
) -> None:
    await owner.execute(
        """
        INSERT INTO catalog.categories (id, parent_id, slug, name)
        VALUES (1, NULL, 'home', 'Home'), (2, 1, 'kitchen', 'Kitchen'), (3, 1, 'bath', 'Bath')
        """
    )
    await add_product("mug", category="kitchen")
    await add_product("towel", category="bath")
    await add_product("cup", category="kitchen")

    def seen(found: Whole) -> list[tuple[str, int, bool]]:
        return [(category.slug, category.count, category.selected) for category in found.category.values]

    assert seen(await _facets(catalog)) == [("home", 3, False)]
    assert seen(await _facets(catalog, category="home")) == [
        ("home", 3, True),
        ("bath", 1, False),
        ("kitchen", 2, False),
    ]
    assert seen(await _facets(catalog, category="nowhere")) == [("nowhere", 0, True)]


async def test_a_chosen_price_band_stays_among_the_bands(demo: httpx.AsyncClient) -> None:
    before = (await _facets(demo)).price.values
    assert len(before) == 5
    band = before[1]
    assert band.price_min is not None
    assert band.price_max is not None
    after = await _facets(demo, price_min=band.price_min.amount, price_max=band.price_max.amount)
    assert after.total.count == band.count
    assert [(b.count, b.selected) for b in after.price.values] == [(b.count, b == band) for b in before]


@pytest.mark.parametrize("asked", [["brand", "price"], "brand,price", "price, brand,,brand"])
async def test_names_come_with_commas_or_repeated(demo: httpx.AsyncClient, asked: str | list[str]) -> None:
    answer = (await demo.get(PRODUCTS, params={"facets": asked})).json()
    assert set(answer["facets"]) == {"total", "brand", "price"}


async def test_nothing_is_counted_unless_asked(demo: httpx.AsyncClient) -> None:
    assert (await demo.get(PRODUCTS)).json()["facets"] == {}
    assert (await demo.get(PRODUCTS, params={"facets": ""})).json()["facets"] == {}


async def test_an_unknown_facet_is_refused_by_name(demo: httpx.AsyncClient) -> None:
    response = await demo.get(PRODUCTS, params={"facets": "brand,colour"})
    assert response.status_code == 422
    [error] = response.json()["errors"]
    assert error["field"] == "facets"
    assert "not colour" in error["message"]


@pytest.mark.parametrize("params", [{}, {"q": "cotton"}, {"sort": "price"}, {"category": "home"}])
async def test_pages_are_the_same_with_facets_and_without(
    demo: httpx.AsyncClient, params: dict[str, str]
) -> None:
    cursor: dict[str, str] = {}
    for _ in range(3):
        plain = (await demo.get(PRODUCTS, params={**params, **cursor})).json()
        counted = (await demo.get(PRODUCTS, params={**params, **cursor, "facets": ALL})).json()
        assert counted.pop("facets")["total"]
        assert counted == {"items": plain["items"], "next_cursor": plain["next_cursor"]}
        cursor = {"cursor": plain["next_cursor"]}


async def test_a_page_behind_the_last_product_still_has_facets(demo: httpx.AsyncClient) -> None:
    first = (await demo.get(PRODUCTS, params={"sort": "price"})).json()
    answer = (await demo.get(PRODUCTS, params={"price_max": 1, "facets": "brand"})).json()
    assert first["items"]
    assert answer["items"] == []
    assert answer["facets"]["total"] == {"count": 0, "approximate": False}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    """Counts 50 products at most, so that a thousand are many."""
    monkeypatch.setattr(facets, "PRODUCTS_MAX", 50)
    return 50


_MANY: list[Params] = [
    {},
    {"q": "cotton"},
    {"in_stock": "true"},
    {"category": "home"},
    {"price": (1000, 20000)},
    {"attr.care": ["Wipe clean"]},
    {"attr.care": ["Wipe clean"], "price": (1000, 20000), "category": "home"},
]


@pytest.mark.parametrize("chosen", _MANY)
async def test_more_products_than_are_counted_give_lower_bounds_that_say_so(
    demo: httpx.AsyncClient, demo_url: str, few: int, chosen: Params
) -> None:
    owner = await asyncpg.connect(demo_url)
    shop = Shop(await owner.fetch(_EVERYTHING), chosen)
    await owner.close()
    found = await _facets(demo, **_asked(chosen))
    assert found.total.approximate
    assert 0 < found.total.count <= min(few, len(shop.passing()))
    true = Counter(row["brand"] for row in shop.passing(ignoring="brand"))
    assert all(brand.count <= true[brand.value] for brand in found.brand.values)
    assert all(price.count <= len(shop.passing(ignoring="price")) for price in found.price.values)


async def test_one_narrow_filter_makes_all_counts_exact_but_its_own(
    demo: httpx.AsyncClient, demo_url: str, few: int
) -> None:
    owner = await asyncpg.connect(demo_url)
    rows = await owner.fetch(_EVERYTHING)
    await owner.close()
    brand, held = Counter(row["brand"] for row in rows).most_common(1)[0]
    assert held <= few
    found = await _facets(demo, brand=brand)
    assert (found.total.count, found.total.approximate) == (held, False)
    assert not found.price.approximate
    assert not any(attribute.approximate for attribute in found.attributes)
    assert found.brand.approximate


@pytest.mark.parametrize(
    "chosen", [*_MANY, {"brand": ["Nobody"]}, {"brand": ["Nobody"], "q": "cotton", "category": "home"}]
)
async def test_no_more_products_are_looked_up_than_two_walks_allow(
    demo_url: str, few: int, chosen: Params
) -> None:
    query = decode_query(urlencode({**_asked(chosen), "facets": ALL}, doseq=True).encode(), ListQuery)
    text, arguments = listing.statement_of(query, "newest", facets.asked_facets(query))
    owner = await asyncpg.connect(demo_url)
    explained = await owner.fetchval("EXPLAIN (ANALYZE, FORMAT JSON) " + text, *arguments)
    await owner.close()
    parts = {node["Subplan Name"]: node for node in _nodes(msgspec.json.decode(explained)[0]["Plan"])}
    drivers = [node for name, node in parts.items() if name.startswith("CTE driver_")]
    assert drivers
    assert all(node["Actual Rows"] <= few + 1 for node in drivers)
    looks = [_looks(parts["CTE counted_products"]), _looks(parts["CTE counted"])]
    assert sum(looks[0]) <= 2 * few * (1 + len(chosen))  # by key, and once more per filter that is no column
    assert all(look <= 10 * few for look in looks[1])  # the categories of each product


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The parts of a plan that have names."""
    if "Subplan Name" in node:
        yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


def _looks(node: dict[str, Any]) -> list[float]:
    """The rows that each scan of a table below this node came across."""
    found = [look for child in node.get("Plans", ()) for look in _looks(child)]
    if node.get("Relation Name") in ("products", "category_listing", "search_documents"):
        seen = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        found.append(seen * node["Actual Loops"])
    return found
