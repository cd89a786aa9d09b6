"""Importing products: what comes in, what is refused, what a second time changes."""

from __future__ import annotations

from typing import Any

import asyncpg
import httpx
import msgspec
import pytest

from services.catalog.app import service
from services.catalog.import_shapes import ImportReport
from services.catalog.shapes import Product
from services.openapi import document
from services.storefront.api_examples import example_of
from tests.catalog.conftest import AddProduct, SendLines, a_line
from tests.catalog.test_import_lines import VARIANT, WRONG

pytestmark = pytest.mark.anyio


async def _product(catalog: httpx.AsyncClient, slug: str) -> Product:
    response = await catalog.get(f"/api/catalog/products/{slug}")
    assert response.status_code == 200, response.text
    return msgspec.json.decode(response.content, type=Product)


def _counts(report: ImportReport) -> tuple[int, int, int]:
    return report.created, report.updated, report.unchanged


def _fields(report: ImportReport) -> list[tuple[int, str]]:
    return [(error.line, error.field) for error in report.errors]


async def test_a_new_product_has_all_that_its_line_says(
    catalog: httpx.AsyncClient, send: SendLines, owner: asyncpg.Connection
) -> None:
    line = {
        "slug": "desk-lamp",
        "title": "Łódź desk lamp",
        "brand": "Lampy",
        "description": "It shines.",
        "categories": ["home/lighting/desk-lamps", "gifts"],
        "images": [{"url": "/pictures/lamp/7.svg", "alt": "The lamp"}],
        "attributes": {"material": "Steel"},
        "seo": {"title": "A lamp"},
        "variants": [
            {
                "sku": "LAMP-1",
                "price": {"amount": 4900, "currency": "EUR"},
                "compare_at": {"amount": 5900, "currency": "EUR"},
                "attributes": {"colour": "Red"},
                "weight_grams": 1200,
                "initial_stock": 7,
            },
            {"sku": "LAMP-2", "price": 5100, "attributes": {"colour": "Blue"}},
        ],
    }
    report = await send(line)
    assert (_counts(report), report.errors) == ((1, 0, 0), [])
    product = await _product(catalog, "desk-lamp")
    assert (product.title, product.brand, product.description) == ("Łódź desk lamp", "Lampy", "It shines.")
    assert (product.price.amount, product.compare_at and product.compare_at.amount) == (4900, 5900)
    assert [[step.slug for step in path] for path in product.categories] == [
        ["home", "lighting", "desk-lamps"],
        ["gifts"],
    ]
    assert product.categories[0][2].name == "Desk lamps"
    assert (product.seo.title, product.seo.description) == ("A lamp", "It shines.")
    assert [(v.sku, v.price.amount, v.attributes, v.availability) for v in product.variants] == [
        ("LAMP-1", 4900, {"colour": "Red"}, "sold_out"),
        ("LAMP-2", 5100, {"colour": "Blue"}, "sold_out"),
    ]
    weights = await owner.fetch("SELECT sku, weight_grams FROM catalog.variants ORDER BY sku")
    assert [tuple(row) for row in weights] == [("LAMP-1", 1200), ("LAMP-2", 0)]
    for query in ({"q": "lamp"}, {"category": "lighting"}, {"attr.colour": "Red"}, {"brand": "Lampy"}):
        found = (await catalog.get("/api/catalog/products", params=query)).json()["items"]
        assert [item["slug"] for item in found] == ["desk-lamp"], query


async def test_new_skus_are_handed_to_checkout_with_their_initial_stock(
    send: SendLines, owner: asyncpg.Connection
) -> None:
    variants = [{"sku": f"M-{n}", "price": 100, "attributes": {}, "initial_stock": n} for n in range(3)]
    await send(a_line("mug", variants=[*variants, {"sku": "M-none", "price": 100, "attributes": {}}]))
    [args] = await owner.fetch("SELECT args FROM jobs.jobs WHERE actor = 'checkout.stock_initially'")
    [levels] = msgspec.json.decode(args["args"])
    assert sorted(levels, key=lambda level: level["sku"]) == [
        {"sku": "M-0", "level": 0},
        {"sku": "M-1", "level": 1},
        {"sku": "M-2", "level": 2},
        {"sku": "M-none", "level": 0},
    ]


async def test_initial_stock_goes_in_portions_and_not_where_checkout_has_spoken(
    send: SendLines, owner: asyncpg.Connection
) -> None:
    variants = [{"sku": f"M-{n}", "price": 1, "attributes": {}, "initial_stock": 3} for n in range(801)]
    await send(a_line("mug", variants=variants))
    sizes = "SELECT jsonb_array_length(args -> 0) FROM jobs.jobs WHERE actor = 'checkout.stock_initially'"
    assert sorted(row[0] for row in await owner.fetch(sizes)) == [301, 500]
    await owner.execute("UPDATE catalog.variants SET available = 3, stock_version = 1 WHERE sku <> 'M-7'")
    await owner.execute("DELETE FROM jobs.jobs")
    report = await send(a_line("mug", variants=variants))
    assert _counts(report) == (0, 0, 1)
    assert [row[0] for row in await owner.fetch(sizes)] == [1]


async def test_the_same_lines_again_change_nothing(send: SendLines, owner: asyncpg.Connection) -> None:
    lines = [a_line(f"mug-{n}", categories=["kitchen/mugs", "gifts", "alpha"]) for n in range(3)]
    assert _counts(await send(*lines)) == (3, 0, 0)
    before = await owner.fetch("SELECT xmin, * FROM catalog.products ORDER BY id")
    assert _counts(await send(*lines)) == (0, 0, 3)
    assert await owner.fetch("SELECT xmin, * FROM catalog.products ORDER BY id") == before
    assert _counts(await send(lines[0], lines[0], lines[0])) == (0, 0, 3)


CHANGES: list[dict[str, Any]] = [
    {"title": "Another"},
    {"brand": "Another"},
    {"description": "Another"},
    {"categories": ["elsewhere"]},
    {"categories": ["gifts", "kitchen/mugs"]},
    {"images": []},
    {"attributes": {"material": "Tin"}},
    {"seo": {"description": "Another"}},
    {"published": False},
    {"variants": [{"sku": "SKU-mug", "price": 1001, "attributes": {}}]},
    {"variants": [{"sku": "SKU-mug", "price": 1000, "attributes": {"size": "L"}}]},
    {"variants": [{"sku": "SKU-mug", "price": 1000, "attributes": {}, "weight_grams": 5}]},
    {"variants": [{"sku": "SKU-mug", "price": 1000, "attributes": {}, "compare_at": 2000}]},
    {"variants": [{"sku": "SKU-other", "price": 1000, "attributes": {}}]},
]


async def test_any_change_of_a_line_updates_its_product(send: SendLines) -> None:
    line = a_line("mug", categories=["kitchen/mugs", "gifts"])
    await send(line)
    for change in CHANGES:
        there = await send({**line, **change}, {**line, **change})
        assert _counts(there) == (0, 1, 1), change
        assert _counts(await send(line)) == (0, 1, 0), change


async def test_variants_that_a_line_no_longer_has_are_removed_and_the_others_keep_their_stock(
    catalog: httpx.AsyncClient, send: SendLines, owner: asyncpg.Connection
) -> None:
    await send(a_line("mug", variants=[{"sku": s, "price": 100, "attributes": {}} for s in "ABC"]))
    await owner.execute("UPDATE catalog.variants SET available = 9, stock_version = 4")
    await send(a_line("mug", variants=[{"sku": s, "price": 200, "attributes": {}} for s in "DCA"]))
    rows = await owner.fetch("SELECT sku, available, stock_version FROM catalog.variants ORDER BY position")
    assert [tuple(row) for row in rows] == [("D", 0, 0), ("C", 9, 4), ("A", 9, 4)]
    assert (await _product(catalog, "mug")).availability == "in_stock"


async def test_a_product_leaves_the_shop_and_comes_back_as_old_as_it_was(
    catalog: httpx.AsyncClient, send: SendLines, owner: asyncpg.Connection
) -> None:
    await send(a_line("mug"), a_line("cup", published=False))
    assert (await catalog.get("/api/catalog/products/cup")).status_code == 404
    await owner.execute("UPDATE catalog.products SET published_at = '2020-01-01' WHERE slug = 'mug'")
    await send(a_line("mug", title="A mug"))
    assert await owner.fetchval(
        "SELECT published_at::date::text FROM catalog.products WHERE slug = 'mug'"
    ) == ("2020-01-01")
    await send(a_line("mug", published=False))
    assert (await catalog.get("/api/catalog/products", params={"q": "mug"})).json()["items"] == []


async def test_a_later_line_of_the_same_slug_wins(catalog: httpx.AsyncClient, send: SendLines) -> None:
    report = await send(a_line("mug", title="First"), a_line("cup"), a_line("mug", title="Second"))
    assert _counts(report) == (2, 1, 0)
    assert (await _product(catalog, "mug")).title == "Second"


async def test_categories_are_found_again_and_keep_their_names_and_order(
    catalog: httpx.AsyncClient, send: SendLines, owner: asyncpg.Connection
) -> None:
    await owner.execute("INSERT INTO catalog.categories (slug, name) VALUES ('home', 'House & home')")
    await send(a_line("a", categories=["home/zinc"]), a_line("b", categories=["home/brass", "toys"]))
    tree = (await catalog.get("/api/catalog/categories")).json()["items"]
    assert [(c["name"], [child["name"] for child in c["children"]]) for c in tree] == [
        ("House & home", ["Zinc", "Brass"]),
        ("Toys", []),
    ]


async def test_a_category_can_stand_in_one_place_only(send: SendLines, owner: asyncpg.Connection) -> None:
    report = await send(
        a_line("a", categories=["garden/chairs"]),
        a_line("b", categories=["bench", "office/chairs"]),
        a_line("c", categories=["garden"]),
        a_line("d", categories=["chairs"]),
        a_line("e", categories=["office"]),
    )
    assert _counts(report) == (3, 0, 0)
    assert [(e.line, e.field, e.message) for e in report.errors] == [
        (2, "categories[1]", "chairs stands below garden already"),
        (4, "categories[0]", "chairs stands below garden already"),
    ]
    slugs = await owner.fetch("SELECT slug FROM catalog.categories ORDER BY slug")
    assert [row["slug"] for row in slugs] == ["chairs", "garden", "office"]


async def test_a_sku_belongs_to_one_product(send: SendLines, add_product: AddProduct) -> None:
    await add_product("old")
    variants = [{**VARIANT, "sku": sku} for sku in ("NEW", "SKU-old")]
    report = await send(a_line("thief", variants=variants), a_line("mug"), a_line("cup", sku="SKU-mug"))
    assert _counts(report) == (1, 0, 0)
    assert [(e.line, e.field, e.message) for e in report.errors] == [
        (1, "variants[1].sku", "belongs to old"),
        (3, "variants[0].sku", "belongs to mug"),
    ]


async def test_a_sku_moves_when_the_line_before_has_given_it_up(
    catalog: httpx.AsyncClient, send: SendLines
) -> None:
    await send(a_line("a", sku="X"), a_line("b", sku="Y"))
    taken_too_early = await send(a_line("b", sku="X"), a_line("a", sku="Z"))
    assert (_counts(taken_too_early), _fields(taken_too_early)) == ((0, 1, 0), [(1, "variants[0].sku")])
    assert _counts(await send(a_line("a", sku="W"), a_line("b", sku="Z"))) == (0, 2, 0)
    assert [v.sku for v in (await _product(catalog, "b")).variants] == ["Z"]


async def test_bad_lines_change_nothing_beside_the_good_ones(
    send: SendLines, owner: asyncpg.Connection
) -> None:
    bad = [{**a_line(f"bad-{n}", categories=["shelf"]), **change} for n, (change, _) in enumerate(WRONG)]
    report = await send(a_line("good"), *bad, a_line("good-too"))
    assert _counts(report) == (2, 0, 0)
    expected = [(n, field) for n, (_, fields) in enumerate(WRONG, start=2) for field in fields]
    assert [(error.line, error.field) for error in report.errors] == expected
    slugs = await owner.fetch("SELECT slug FROM catalog.products ORDER BY slug")
    assert [row["slug"] for row in slugs] == ["good", "good-too"]
    assert await owner.fetchval("SELECT count(*) FROM catalog.categories") == 0


async def test_the_documented_example_can_be_imported(send: SendLines) -> None:
    described = document([(service.name, service.operations)], "1")
    example = example_of(described["components"]["schemas"]["ImportLine"], described)
    report = await send(example)
    assert (_counts(report), report.errors) == ((1, 0, 0), [])
