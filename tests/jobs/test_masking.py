"""What of a job's arguments everybody may see."""

from __future__ import annotations

from typing import Any

import pytest

from services.jobs.masking import masked
from services.private_text import MASK

ID = "0198c0de-7b1e-7a33-9f0e-5d1c2b3a4f50"


@pytest.mark.parametrize(
    "key",
    [
        "password", "client_secret", "clientSecret", "TOKEN", "access-token", "email", "customerEmail",
        "name", "first_name", "billingName", "address", "shipping_addresses", "line1", "postal_code", "phone",
        "phone_number", "card", "cardNumber", "cvc", "authorization", "Set-Cookie", "api_key", "apiKey",
        "accesstoken", "refreshTokens", "cardnumber", "CREDITCARD", "clientsecret", "customeremails",
        "phonenumber", "shippingaddresses", "oldpassword",
    ],
)  # fmt: skip
def test_values_are_hidden_by_the_name_of_their_key(key: str) -> None:
    assert masked([{"deep": [{key: "x"}]}]) == ([{"deep": [{key: MASK}]}], True)
    assert masked({key: {"of": ["any", "kind"]}}) == ({key: MASK}, True)
    assert masked({key: 7}) == ({key: MASK}, True)


@pytest.mark.parametrize(
    "key",
    [
        "sku",
        "order_id",
        "product_name",
        "available",
        "passed",
        "keyboard",
        "zipped",
        "headphone",
        "cardboard",
    ],
)
def test_other_values_are_shown(key: str) -> None:
    assert masked({key: "x"}) == ({key: "x"}, False)


@pytest.mark.parametrize(
    "value",
    [
        "sk_test_4eC39HqLyjWD", "Bearer abc", "eyJhbGciOiJIUzI1NiJ9.e30.abc", "4242 4242 4242 4242",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "Zk3vQ9xLm2TtR8wYpB5nHc7dJ1aE",
    ],
)  # fmt: skip
def test_values_are_hidden_by_their_shape(value: str) -> None:
    assert masked([value]) == ([MASK], True)


@pytest.mark.parametrize(
    "value",
    [
        ID, ID.upper(), "blue-cotton-shirt-with-a-very-long-slug-2", "2026-07-01T12:00:00.000000+00:00",
        "catalog.refresh_availability", "CUP-00017", "1234567", "a plain sentence of some length, with words",
        17, 1.5, None, True, [], {},
    ],
)  # fmt: skip
def test_plain_values_are_shown(value: Any) -> None:
    assert masked([value]) == ([value], False)


def test_an_address_inside_a_text_is_hidden_alone() -> None:
    assert masked("mail to ada.l+x@mail.example.org, please") == (f"mail to {MASK}, please", True)
    assert masked({"ada@example.org": 1}) == ({MASK: 1}, True)


def test_so_is_what_else_a_text_quotes() -> None:
    assert masked(["see redis://:hush@cache:6379 with sk_test_4eC39HqLyjWD"]) == (
        [f"see redis://:{MASK}@cache:6379 with {MASK}"], True,
    )  # fmt: skip


def test_nothing_is_hidden_where_nothing_is() -> None:
    assert masked({"email": "", "phone": None}) == ({"email": "", "phone": None}, False)


@pytest.mark.parametrize("text", ["a." * 200_000, "1 " * 200_000, "a@" * 200_000])
def test_a_long_text_is_gone_through_once(text: str) -> None:
    """A pattern that began anew at each character would not come to an end here."""
    assert masked(text) == (text, False)
