"""A shop does not start where its gateway would take its prices for other sums."""

from collections.abc import Callable

import pytest

from services.checkout.app import service
from services.settings import SettingError
from tests.conftest import in_process
from tests.sandbox import RunningSandbox


async def countries_of_a_shop_that_starts() -> int:
    async with in_process(service) as client:
        return (await client.get("/api/checkout/countries")).status_code


@pytest.mark.parametrize("currency", ["ISK", "UGX", "MGA", "KWD"])
async def test_a_currency_that_stripe_counts_in_another_unit_ends_the_start(
    database_url: str, environment: Callable[..., None], gateway: RunningSandbox, currency: str
) -> None:
    environment(**gateway.environment, DATABASE_URL=database_url, CURRENCY=currency)
    assert await countries_of_a_shop_that_starts() == 200, "the sandbox counts as ISO 4217 does"
    environment(PAYMENT_PROVIDER="stripe")
    with pytest.raises(SettingError, match=f"CURRENCY: Stripe counts {currency}"):
        await countries_of_a_shop_that_starts()


@pytest.mark.parametrize("currency", ["EUR", "USD", "JPY", "KRW"])
async def test_other_currencies_are_paid_at_stripe_as_they_are(
    database_url: str, environment: Callable[..., None], gateway: RunningSandbox, currency: str
) -> None:
    environment(**gateway.environment, DATABASE_URL=database_url, CURRENCY=currency)
    environment(PAYMENT_PROVIDER="stripe")
    assert await countries_of_a_shop_that_starts() == 200
