"""One sandbox for the tests that leave it as it was, one of its own for each that does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import stripe

from tests.sandbox import RunningSandbox, plain_http, running_sandbox

# The SDK speaks to httpx in a way that httpx would like to see changed.
sdk_speaks_old_httpx = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever proxy the environment names is not for 127.0.0.1."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(scope="package")
async def shared() -> AsyncIterator[RunningSandbox]:
    async with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def sandbox(shared: RunningSandbox) -> AsyncIterator[RunningSandbox]:
    """The shared one: without faults before and after."""
    await shared.clear_faults()
    yield shared
    await shared.clear_faults()


@pytest.fixture
async def own_sandbox() -> AsyncIterator[RunningSandbox]:
    async with running_sandbox() as sandbox:
        yield sandbox


@asynccontextmanager
async def sdk(sandbox: RunningSandbox, key: str | None = None) -> AsyncIterator[stripe.StripeClient]:
    """The official client; only its address is ours, and it doesn't try again by itself."""
    http = stripe.HTTPXClient(timeout=10, verify_ssl_certs=False)
    yield stripe.StripeClient(
        key or sandbox.secret_key,
        base_addresses={"api": sandbox.url},
        http_client=http,
        max_network_retries=0,
    )
    await http.close_async()  # type: ignore[no-untyped-call]  # the SDK left this one out


@pytest.fixture
async def client(sandbox: RunningSandbox) -> AsyncIterator[stripe.StripeClient]:
    async with sdk(sandbox) as opened:
        yield opened


@pytest.fixture
async def raw(sandbox: RunningSandbox) -> AsyncIterator[httpx.AsyncClient]:
    """Below the SDK: with the secret key, at `/sandbox/v1`."""
    async with api(sandbox) as opened:
        yield opened


def api(sandbox: RunningSandbox) -> httpx.AsyncClient:
    return plain_http(f"{sandbox.url}/v1", {"Authorization": f"Bearer {sandbox.secret_key}"})


@pytest.fixture
async def paid(client: stripe.StripeClient) -> stripe.PaymentIntent:
    """19.99 EUR, taken."""
    return await client.v1.payment_intents.create_async(
        {"amount": 1999, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True}
    )
