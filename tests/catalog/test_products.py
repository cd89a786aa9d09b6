"""One product, and the tree it hangs in."""

from collections.abc import Callable

import asyncpg
import httpx
import msgspec
import pytest

from ops.local.postgres import TemporaryPostgres
from ops.local.valkey import TemporaryValkey
from services.catalog.app import service
from services.catalog.shapes import CategoryTree, Product
from tests.catalog.conftest import AddProduct, insert_product
from tests.conftest import in_process
from tests.store import wait_until_async

pytestmark = pytest.mark.anyio


async def test_every_demo_product_has_the_documented_shape(demo: httpx.AsyncClient) -> None:
    cards = (await demo.get("/api/catalog/products", params={"limit": 100})).json()["items"]
    for card in cards:
        response = await demo.get(f"/api/catalog/products/{card['slug']}")
        product = msgspec.json.decode(response.content, type=Product)
        assert product.variants
        assert min(variant.price.amount for variant in product.variants) == product.price.amount
        assert card == {key: value for key, value in response.json().items() if key in card}
        assert product.categories


async def test_the_breadcrumb_leads_from_the_root(
    catalog: httpx.AsyncClient, owner: asyncpg.Connection, add_product: AddProduct
) -> None:
    await owner.execute(
        """
        INSERT INTO catalog.categories (id, parent_id, slug, name)
        VALUES (1, NULL, 'home', 'Home'), (2, 1, 'mugs', 'Mugs')
        """
    )
    await add_product("mug", category="mugs")
    product = (await catalog.get("/api/catalog/products/mug")).json()
    assert product["categories"] == [[{"slug": "home", "name": "Home"}, {"slug": "mugs", "name": "Mugs"}]]
    tree = msgspec.json.decode((await catalog.get("/api/catalog/categories")).content, type=CategoryTree)
    assert [(c.slug, [child.slug for child in c.children]) for c in tree.items] == [("home", ["mugs"])]


@pytest.mark.parametrize("slug", ["nothing", "a%00b", "..%2fadmin", "%F0%9F%AA%91", "a" * 5000])
async def test_an_unknown_product_is_not_found(catalog: httpx.AsyncClient, slug: str) -> None:
    response = await catalog.get(f"/api/catalog/products/{slug}")
    assert response.status_code == 404
    assert response.json()["type"] == "/problems/not-found"


@pytest.mark.parametrize(
    "path",
    [
        "/api/catalog/products/",
        "/internal/catalog/former-slugs/products/",
        "/internal/catalog/former-slugs/categories/",
    ],
)
async def test_a_slug_longer_than_any_is_not_looked_up(
    database_url: str, environment: Callable[..., None], path: str
) -> None:
    """The database, which would have to be asked, is away."""
    environment(DATABASE_URL=database_url, CATALOG_DATABASE_URL="postgresql://x@127.0.0.1:1/x")
    async with in_process(service) as catalog:
        inner = {"X-Entry": "internal"}
        assert (await catalog.get(path + "a" * 201, headers=inner)).status_code == 404
        assert (await catalog.get(path + "a" * 200, headers=inner)).status_code == 503


async def test_what_is_known_needs_no_database_when_asked_again(
    catalog: httpx.AsyncClient, add_product: AddProduct
) -> None:
    await add_product("mug")
    first = await catalog.get("/api/catalog/products/mug")
    again = await catalog.get("/api/catalog/products/mug", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_seen_products_are_served_stale_while_the_database_is_away(
    own_postgres: TemporaryPostgres, environment: Callable[..., None]
) -> None:
    owner = await asyncpg.connect(own_postgres.url)
    await insert_product(owner, "mug")
    await owner.close()
    environment(DATABASE_URL=own_postgres.url, CACHE_MEMORY_SECONDS=0, CACHE_PRODUCT_SECONDS=0)
    async with in_process(service) as client:
        assert (await client.get("/api/catalog/products/mug")).status_code == 200
        own_postgres.stop()
        stale = await client.get("/api/catalog/products/mug")
        assert (stale.status_code, stale.headers["x-stale"]) == (200, "1")
        unseen = await client.get("/api/catalog/products/other")
        assert (unseen.status_code, unseen.headers["retry-after"]) == (503, "2")
        assert unseen.json()["type"] == "/problems/database-unavailable"
        own_postgres.start()

        async def is_fresh() -> bool:
            return "x-stale" not in (await client.get("/api/catalog/products/mug")).headers

        await wait_until_async(is_fresh, "the product is fresh again")


async def test_without_redis_everything_is_answered(
    database_url: str, environment: Callable[..., None], add_product: AddProduct, valkey: TemporaryValkey
) -> None:
    await add_product("mug")
    nowhere = "redis://127.0.0.1:1/0"
    environment(DATABASE_URL=database_url, REDIS_URL=nowhere, REDIS_QUEUE_URL=nowhere, CACHE_MEMORY_SECONDS=0)
    async with in_process(service) as client:
        for path in ("products", "products/mug", "categories", "suggest?q=mu") * 5:
            assert (await client.get(f"/api/catalog/{path}")).status_code == 200
