"""The choices beside a list: what they count and where they lead."""

from __future__ import annotations

import httpx
import pytest

from services.money import Money
from services.storefront.catalog_facets import (
    CategoryCount,
    CategoryCounts,
    Facets,
    PriceBand,
    PriceCounts,
    ValueCount,
    ValueCounts,
)
from services.storefront.facets import Facet, facets_of
from services.storefront.filters import ListingQuery
from tests.storefront.conftest import AddProduct, CatalogDoor

_COUNTED = Facets(
    category=CategoryCounts(
        values=[CategoryCount(9, True, "home", "Home"), CategoryCount(4, False, "bath", "Bath")]
    ),
    brand=ValueCounts(True, [ValueCount(5, True, "Åse"), ValueCount(4, False, "Bo & Co")]),
    price=PriceCounts(
        values=[
            PriceBand(3, False, None, Money(1999, "EUR")),
            PriceBand(2, True, Money(2000, "EUR"), Money(4999, "EUR")),
            PriceBand(1, False, Money(5000, "EUR"), None),
        ]
    ),
    attributes=[
        ValueCounts(name="Color", values=[ValueCount(5, False, "red"), ValueCount(4, True, "blue")]),
        ValueCounts(name="Care", values=[ValueCount(9, False, "Wipe")]),
    ],
)
_QUERY = ListingQuery(
    category="home",
    brand=["Åse"],
    attributes={"Color": ["blue"]},
    price_from="20",
    price_to="49.99",
    cursor="x",
)


def _addresses(facets: list[Facet], kind: str) -> list[str]:
    [facet] = [facet for facet in facets if facet.kind == kind]
    return [choice.address for choice in facet.choices]


def test_a_choice_leads_to_the_list_with_it_toggled_on_its_first_page() -> None:
    facets = facets_of(_COUNTED, "/search", _QUERY, category_page=False)
    rest = "&price_from=20&price_to=49.99"
    assert _addresses(facets, "brand") == [
        f"/search?category=home&attr.Color=blue{rest}",
        f"/search?category=home&brand=Bo+%26+Co&brand=%C3%85se&attr.Color=blue{rest}",
    ]
    assert _addresses(facets, "attribute") == [
        f"/search?category=home&brand=%C3%85se&attr.Color=blue&attr.Color=red{rest}",
        f"/search?category=home&brand=%C3%85se{rest}",
    ]
    assert _addresses(facets, "category") == [
        f"/search?brand=%C3%85se&attr.Color=blue{rest}",
        f"/search?category=bath&brand=%C3%85se&attr.Color=blue{rest}",
    ]


def test_a_price_band_is_chosen_as_one_would_type_it_and_let_go_again() -> None:
    before = "/search?category=home&brand=%C3%85se&attr.Color=blue"
    facets = facets_of(_COUNTED, "/search", _QUERY, category_page=False)
    assert _addresses(facets, "price") == [
        f"{before}&price_to=19.99",
        before,
        f"{before}&price_from=50",
    ]


def test_a_category_page_leads_to_the_pages_below_it_and_keeps_the_filters() -> None:
    facets = facets_of(_COUNTED, "/categories/home", ListingQuery(brand=["Åse"]), category_page=True)
    assert _addresses(facets, "category") == ["/categories/bath?brand=%C3%85se"]


def test_what_offers_no_choice_is_left_out() -> None:
    facets = facets_of(_COUNTED, "/search", ListingQuery(), category_page=False)
    assert [(facet.kind, facet.name, facet.field, facet.approximate) for facet in facets] == [
        ("category", "", "category", False),
        ("price", "", "", False),
        ("brand", "", "brand", True),
        ("attribute", "Color", "attr.Color", False),
    ]
    assert facets_of(Facets(), "/search", ListingQuery(), category_page=False) == []


def test_many_values_are_cut_but_for_the_selected() -> None:
    values = [ValueCount(100 - n, n == 50, f"v{n}") for n in range(60)]
    counted = Facets(brand=ValueCounts(values=values))
    [facet] = facets_of(counted, "/search", ListingQuery(), category_page=False)
    assert len(facet.choices) == 21
    assert facet.choices[-1].value == "v50"


@pytest.mark.anyio
@pytest.mark.usefixtures("kitchen")
async def test_a_page_with_facets_asks_for_its_list_once(shop: httpx.AsyncClient, door: CatalogDoor) -> None:
    page = await shop.get("/categories/kitchen?brand=Okto")
    assert page.status_code == 200
    assert sum(path.startswith("/api/catalog/products?") for path in door.asked) == 1
    assert 'name="brand" value="Okto" checked' in page.text
    assert 'name="brand" value="Fjell"' in page.text


@pytest.mark.anyio
async def test_an_attribute_narrows_the_list_and_can_be_let_go(
    shop: httpx.AsyncClient, add_product: AddProduct
) -> None:
    await add_product("red-mug", attributes='{"color": "red"}')
    await add_product("blue-mug", attributes='{"color": "blue"}')
    page = await shop.get("/search?attr.color=red")
    assert "Red Mug" in page.text
    assert "Blue Mug" not in page.text
    assert "Color: red" in page.text
    assert 'name="attr.color" value="red" checked' in page.text
    assert 'name="attr.color" value="blue"' in page.text


@pytest.mark.anyio
@pytest.mark.parametrize("broken", ["price_from=cheap", "sort=odd"])
async def test_a_refused_list_keeps_what_was_selected(shop: httpx.AsyncClient, broken: str) -> None:
    page = await shop.get(f"/search?brand=Okto&attr.color=red&{broken}")
    assert page.status_code == 422
    assert 'name="brand" value="Okto" checked' in page.text
    assert 'name="attr.color" value="red" checked' in page.text
