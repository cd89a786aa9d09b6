"""Money for people."""

import pytest

from services.money import Money


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (1999, "EUR", "€19.99"),
        (5, "EUR", "€0.05"),
        (-50, "GBP", "-£0.50"),
        (123456789, "USD", "$1,234,567.89"),
        (1200, "JPY", "¥1,200"),
        (1200, "CHF", "CHF 12.00"),
        (1234, "KWD", "KWD 1.234"),
    ],
)
def test_money_reads_as_people_write_it(amount: int, currency: str, text: str) -> None:
    assert str(Money(amount, currency)) == text


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (1999, "EUR", "19.99"),
        (5, "EUR", "0.05"),
        (-50, "GBP", "-0.50"),
        (123456789, "USD", "1234567.89"),
        (1200, "JPY", "1200"),
        (1234, "KWD", "1.234"),
    ],
)
def test_money_reads_as_machines_write_it(amount: int, currency: str, text: str) -> None:
    assert Money(amount, currency).plain == text
