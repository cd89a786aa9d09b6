"""What the storefront's endpoints work with, opened at start and closed at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from services.design.assets import Assets
from services.internal_client import InternalClient
from services.lifecycle import Lifecycle
from services.limits.limiter import Limiter, open_limiter
from services.settings import CacheSettings, ProcessSettings, StoreSettings
from services.storefront.api_reference import ApiReference, read_reference
from services.storefront.cart_cookie import CartCookie
from services.storefront.catalog_client import CatalogClient
from services.storefront.checkout_client import CheckoutClient
from services.storefront.navigation import Navigation
from services.storefront.page_cache import PageCache
from services.storefront.rendering import Templates
from services.storefront.shop_window import ShopWindow

_ASSETS = Path(__file__).parent / "assets"


@dataclass(frozen=True, slots=True)
class Shop:
    store: StoreSettings
    public_url: str
    catalog: CatalogClient
    checkout: CheckoutClient
    cart_cookie: CartCookie
    navigation: Navigation
    window: ShopWindow
    pages: PageCache
    templates: Templates
    assets: Assets
    reference: ApiReference
    limiter: Limiter


@asynccontextmanager
async def open_shop(settings: ProcessSettings, lifecycle: Lifecycle) -> AsyncIterator[Shop]:
    store, assets = StoreSettings.read(), Assets("/assets/", _ASSETS)
    public_url = settings.public_url.rstrip("/")
    client = InternalClient(settings)
    catalog = CatalogClient(client)
    lifecycle.schema_compatible = True  # it has no schema
    try:
        async with open_limiter(shared=False) as limiter:
            yield Shop(
                store,
                public_url,
                catalog,
                CheckoutClient(client),
                CartCookie(public_url),
                Navigation(catalog),
                ShopWindow(catalog),
                PageCache(CacheSettings.read()),
                Templates(store.store_name, assets),
                assets,
                read_reference(public_url),
                limiter,
            )
    finally:
        await client.close()
