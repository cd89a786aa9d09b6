"""A storefront in this process that asks a real catalog, which listens on a port of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import asyncpg
import httpx
import pytest
from jinja2 import Environment, FileSystemBytecodeCache
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from services.catalog.app import service as catalog_service
from services.checkout.app import service as checkout_service
from services.lifecycle import Lifecycle
from services.process import listen, server
from services.settings import ProcessSettings
from services.storefront import rendering
from services.storefront.app import service
from tests.catalog.conftest import insert_product
from tests.conftest import in_process
from tests.store import deaf_port

AddProduct = Callable[..., Awaitable[int]]
AddStock = Callable[[str, int], Awaitable[None]]
AddCategory = Callable[..., Awaitable[int]]
PUBLIC_URL = "https://shop.example"


@pytest.fixture(scope="session", autouse=True)
def _templates_compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Opening a shop compiles all its templates, and almost every test opens one."""
    cache = FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rendering, "Environment", partial(Environment, bytecode_cache=cache))
        yield


@dataclass
class CatalogDoor:
    """Where catalog listens. Paths that begin with one in `closed` answer 503, or `closed_with`, as Traefik
    does for a service that is away, those in `refusing` as a service that is there and says when to come
    back; `asked` are all paths that were asked for, with their queries."""

    url: str = ""
    closed: set[str] = field(default_factory=set)
    closed_with: int = 503
    refusing: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)


@asynccontextmanager
async def open_door() -> AsyncIterator[CatalogDoor]:
    settings, lifecycle = ProcessSettings.read(), Lifecycle(started=True)
    door, listening = CatalogDoor(), listen("127.0.0.1", 0)
    door.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with catalog_service.resources(settings, lifecycle) as resources:
        apps = {"/": catalog_service.app(settings, lifecycle, resources)}
        async with serving(door, listening, apps):
            yield door


@asynccontextmanager
async def serving(
    door: CatalogDoor, listening: socket.socket, apps: dict[str, ASGIApp]
) -> AsyncIterator[None]:
    """Serves each path by the app with the longest prefix of it, unless the door is closed to it."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        door.asked.append(f"{scope['path']}?{scope['query_string'].decode()}")
        closed, refusing = (
            any(scope["path"].startswith(path) for path in paths) for paths in (door.closed, door.refusing)
        )
        scope["headers"] = [*scope["headers"], (b"x-entry", b"internal")]
        app = apps[max((prefix for prefix in apps if scope["path"].startswith(prefix)), key=len)]
        if closed or refusing:
            retry = {"Retry-After": "1"} if refusing else None
            app = PlainTextResponse("closed", 503 if refusing else door.closed_with, retry)
        await app(scope, receive, send)

    running = server(guarded, ProcessSettings.read())
    task = asyncio.create_task(running.serve([listening]))
    yield
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
async def till(
    database_url: str, environment: Callable[..., None], carts_wait_for_prices: None
) -> AsyncIterator[CatalogDoor]:
    """Catalog and checkout behind one door, as the internal entrypoint has them. No gateway answers, so
    payments are prepared for ever, until a test settles them."""
    door, listening = CatalogDoor(), listen("127.0.0.1", 0)
    door.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    environment(
        DATABASE_URL=database_url,
        PUBLIC_URL=PUBLIC_URL,
        INTERNAL_URL=door.url,
        CACHE_MEMORY_SECONDS=0,
        CACHE_LIST_SECONDS=0,
        CACHE_PRODUCT_SECONDS=0,
    )
    settings, lifecycle = ProcessSettings.read(), Lifecycle(started=True)
    async with (
        catalog_service.resources(settings, lifecycle) as catalog,
        checkout_service.resources(settings, lifecycle) as checkout,
        serving(
            door,
            listening,
            {
                "/": catalog_service.app(settings, lifecycle, catalog),
                "/api/checkout/": checkout_service.app(settings, lifecycle, checkout),
            },
        ),
    ):
        yield door


@pytest.fixture
async def shopper(till: CatalogDoor) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at a shop that sells, with its cookies; it sends forms as its own pages would."""
    async with in_process(service) as client:
        client.base_url = httpx.URL(PUBLIC_URL)
        client.headers["Sec-Fetch-Site"] = "same-origin"
        yield client


@pytest.fixture
async def lonely_shop(
    environment: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """A storefront that can reach nobody."""
    environment(PUBLIC_URL=PUBLIC_URL)
    with deaf_port() as port:
        monkeypatch.setenv("INTERNAL_URL", f"http://127.0.0.1:{port}")
        async with in_process(service) as client:
            yield client


@pytest.fixture
def add_product(owner: asyncpg.Connection) -> AddProduct:
    """Adds a product with one variant: `await add_product("mug", price_minor=1999)`."""
    return partial(insert_product, owner)


@pytest.fixture
def add_stock(owner: asyncpg.Connection) -> AddStock:
    """Units on hand in checkout's ledger, or fewer: `await add_stock("SKU-mug", 5)`."""

    async def add(sku: str, units: int) -> None:
        await owner.execute(
            "INSERT INTO checkout.stock_movements (sku, delta, kind) VALUES ($1, $2, 'adjustment')",
            sku,
            units,
        )

    return add


@pytest.fixture
async def mug(add_product: AddProduct, add_stock: AddStock) -> str:
    """The SKU of a mug at 15.00, ten on hand."""
    await add_product("mug", price_minor=1500)
    await add_stock("SKU-mug", 10)
    return "SKU-mug"


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
