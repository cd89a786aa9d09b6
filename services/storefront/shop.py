"""What the storefront's endpoints work with, opened at start and closed at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services.internal_client import InternalClient
from services.lifecycle import Lifecycle
from services.settings import ProcessSettings, StoreSettings
from services.storefront.api_reference import ApiReference, read_reference
from services.storefront.assets import Assets
from services.storefront.catalog_client import CatalogClient
from services.storefront.navigation import Navigation
from services.storefront.rendering import Templates


@dataclass(frozen=True, slots=True)
class Shop:
    store: StoreSettings
    public_url: str
    catalog: CatalogClient
    navigation: Navigation
    templates: Templates
    assets: Assets
    reference: ApiReference


@asynccontextmanager
async def open_shop(settings: ProcessSettings, lifecycle: Lifecycle) -> AsyncIterator[Shop]:
    store, assets = StoreSettings.read(), Assets()
    public_url = settings.public_url.rstrip("/")
    client = InternalClient(settings)
    catalog = CatalogClient(client)
    lifecycle.schema_compatible = True  # it has no schema
    try:
        yield Shop(
            store,
            public_url,
            catalog,
            Navigation(catalog),
            Templates(store.store_name, assets),
            assets,
            read_reference(public_url),
        )
    finally:
        await client.close()
