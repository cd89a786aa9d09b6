"""A storefront in this process that asks a real catalog, which listens on a port of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import asyncpg
import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from services.catalog.app import service as catalog_service
from services.lifecycle import Lifecycle
from services.process import listen, server
from services.settings import ProcessSettings
from services.storefront.app import service
from tests.catalog.conftest import insert_product
from tests.conftest import in_process

AddProduct = Callable[..., Awaitable[int]]
AddCategory = Callable[..., Awaitable[int]]
PUBLIC_URL = "https://shop.example"


@dataclass
class CatalogDoor:
    """Where catalog listens. Paths that begin with one in `closed` answer 503; `asked` are all paths
    that were asked for, with their queries."""

    url: str = ""
    closed: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)


@asynccontextmanager
async def open_door() -> AsyncIterator[CatalogDoor]:
    settings, lifecycle = ProcessSettings.read(), Lifecycle(started=True)
    door = CatalogDoor()
    async with catalog_service.resources(settings, lifecycle) as resources:
        app = catalog_service.app(settings, lifecycle, resources)

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            door.asked.append(f"{scope['path']}?{scope['query_string'].decode()}")
            closed = any(scope["path"].startswith(path) for path in door.closed)
            await (PlainTextResponse("closed", 503) if closed else app)(scope, receive, send)

        socket = listen("127.0.0.1", 0)
        door.url = f"http://127.0.0.1:{socket.getsockname()[1]}"
        running = server(guarded, settings)
        task = asyncio.create_task(running.serve([socket]))
        yield door
        running.should_exit = True
        await task


@pytest.fixture
async def door(database_url: str, environment: Callable[..., None]) -> AsyncIterator[CatalogDoor]:
    """Catalog over the test's own products, uncached."""
    environment(
        DATABASE_URL=database_url,
        PUBLIC_URL=PUBLIC_URL,
        CACHE_MEMORY_SECONDS=0,
        CACHE_LIST_SECONDS=0,
        CACHE_PRODUCT_SECONDS=0,
    )
    async with open_door() as door:
        yield door


@pytest.fixture
async def shop(door: CatalogDoor, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """The storefront, asking the catalog behind `door`."""
    monkeypatch.setenv("INTERNAL_URL", door.url)
    async with in_process(service) as client:
        yield client


@pytest.fixture
async def lonely_shop(
    environment: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """A storefront that can reach nobody."""
    environment(PUBLIC_URL=PUBLIC_URL)
    unused = listen("127.0.0.1", 0)
    monkeypatch.setenv("INTERNAL_URL", f"http://127.0.0.1:{unused.getsockname()[1]}")
    unused.close()
    async with in_process(service) as client:
        yield client


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
def add_product(owner: asyncpg.Connection) -> AddProduct:
    """Adds a product with one variant: `await add_product("mug", price_minor=1999)`."""
    return partial(insert_product, owner)


@pytest.fixture
def add_category(owner: asyncpg.Connection) -> AddCategory:
    """Adds a category: `await add_category("mugs", "Mugs", parent=kitchen)`, answering its id."""

    async def add(slug: str, name: str, parent: int | None = None) -> int:
        category_id: int = await owner.fetchval(
            "INSERT INTO catalog.categories (slug, name, parent_id, position) "
            "VALUES ($1, $2, $3, 0) RETURNING id",
            slug,
            name,
            parent,
        )
        return category_id

    return add


@pytest.fixture
async def kitchen(add_category: AddCategory, add_product: AddProduct) -> None:
    """Three mugs and a plate in `kitchen`, one of them sold out."""
    kitchen = await add_category("kitchen", "Kitchen & table")
    await add_category("mugs", "Mugs", kitchen)
    await add_category("plates", "Plates", kitchen)
    await add_product("blue-mug", category="mugs", price_minor=1500, brand="Fjell", published_at="2026-01-01")
    await add_product("red-mug", category="mugs", price_minor=2500, brand="Okto", published_at="2026-01-02")
    await add_product("old-mug", category="mugs", price_minor=500, brand="Okto", available=0)
    await add_product("plate", category="plates", price_minor=900, compare_at_minor=1200, brand="Fjell")
