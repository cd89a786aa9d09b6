"""Who buys, where it goes, how it travels."""

from typing import Any

import asyncpg
import httpx
import pytest

from tests.checkout.conftest import (
    CARTS,
    DETAILS,
    Shelf,
    get_cart,
    open_cart,
    problem_of,
    put,
    put_line,
    ready_cart,
    warnings_of,
    wrong_fields,
)

pytestmark = pytest.mark.anyio

ADDRESS = DETAILS["shipping_address"]


def details(**changed: Any) -> dict[str, Any]:
    """Good details, but for `changed`: `details(email="x")`, `details(city="")`."""
    address = {**ADDRESS, **{name: value for name, value in changed.items() if name not in DETAILS}}
    mine = {name: value for name, value in changed.items() if name in DETAILS}
    return {**DETAILS, "shipping_address": address, **mine}


async def test_details_are_kept(checkout: httpx.AsyncClient) -> None:
    cart_id = await open_cart(checkout)
    cart = await put(checkout, f"{cart_id}/details", details(line2="Hinterhaus", region="Berlin"))
    assert cart["email"] == DETAILS["email"]
    assert cart["shipping_address"] == {**ADDRESS, "line2": "Hinterhaus", "region": "Berlin"}
    assert cart["shipping"]["code"] == "standard"
    assert cart["tax"]["percent"] == 19.0
    assert await get_cart(checkout, cart_id) == cart


async def test_blanks_around_texts_do_not_matter(checkout: httpx.AsyncClient) -> None:
    given = details(
        email=" ada@example.com\n",
        name="  Ada Lovelace\t",
        line2="   ",
        region="",
        shipping_method=" standard ",
    )
    cart = await put(checkout, f"{await open_cart(checkout)}/details", given)
    assert (cart["email"], cart["shipping_address"]) == (DETAILS["email"], ADDRESS)


async def test_names_of_all_scripts_are_welcome(checkout: httpx.AsyncClient) -> None:
    address = {"name": "Zoë Ångström-Øst", "line1": "Ελευθερίας 5", "city": "北京", "postal_code": "SW1A 1AA"}
    cart = await put(checkout, f"{await open_cart(checkout)}/details", details(**address, country="GB"))
    assert cart["shipping_address"] == {**address, "country": "GB"}


async def test_what_is_wrong_is_named_all_of_it(checkout: httpx.AsyncClient) -> None:
    path = f"{CARTS}/{await open_cart(checkout)}/details"
    given = details(email="nobody", name="  ", city="Ber\nlin", postal_code="\t")
    assert wrong_fields(await checkout.put(path, json=given)) == [
        "email",
        "shipping_address.city",
        "shipping_address.name",
        "shipping_address.postal_code",
    ]
    missing = {"shipping_address": {"name": "Ada", "country": "de"}, "shipping_method": "standard"}
    assert wrong_fields(await checkout.put(path, json=missing)) == [
        "email",
        "shipping_address.city",
        "shipping_address.country",
        "shipping_address.line1",
        "shipping_address.postal_code",
    ]


async def test_only_one_plain_email_address_is_taken(checkout: httpx.AsyncClient) -> None:
    path = f"{CARTS}/{await open_cart(checkout)}/details"
    for email in (
        "ada",
        "ada@localhost",
        "ada@exa mple.com",
        "ada@example.com\nBcc: eve@example.com",
        "ada@example.com\r\n\r\nhello",
        "ada\r@example.com",
        "ada@example.com,eve@example.com",
        "ada@example.com;eve@example.com",
        "Ada <ada@example.com>",
        '"ada\n"@example.com',
        "ada@example..com",
        "ada@.com",
        "ada@example.com.",
        "ada@-example.com",
        "ada@@example.com",
        "ad\u0085a@example.com",
        "ad\u2028a@example.com",
        "ad\u0001a@example.com",
        "a" * 65 + "@example.com",
        "ada@" + "x" * 64 + ".com",
        "ad" + "a" * 250 + "@example.com",
    ):
        answer = await checkout.put(path, json=details(email=email))
        assert wrong_fields(answer) == ["email"], email
    for email in ("a@b.co", "o'neil+shop@mail.example.co.uk", "x_y.z-1@xn--bcher-kva.example"):
        assert (await put(checkout, path.removeprefix(f"{CARTS}/"), details(email=email)))["email"] == email


async def test_hostile_texts_are_refused(checkout: httpx.AsyncClient) -> None:
    path = f"{CARTS}/{await open_cart(checkout)}/details"
    for field, value in (
        ("name", "Ada\nLovelace"),
        ("name", "Ada\x1b[31m"),
        ("line1", "x" * 201),
        ("line1", ""),
        ("line2", "a\u2029b"),
        ("city", 5),
        ("city", None),
        ("region", "\x85x\x85y"),
        ("postal_code", "1" * 21),
        ("country", "DE\n"),
        ("country", "de"),
        ("country", "DEU"),
        ("country", ""),
        ("county", "Kent"),
    ):
        answer = await checkout.put(path, json=details(**{field: value}))
        assert wrong_fields(answer) == [f"shipping_address.{field}"], (field, value)
    assert problem_of(await checkout.put(path, json=details(name="A\x00da")))[0] == 422
    assert problem_of(await checkout.put(path, content=b'{"email": "\\ud800"}', headers=JSON))[0] == 400
    assert (await checkout.get(path.removesuffix("/details"))).json()["email"] is None


JSON = {"Content-Type": "application/json"}


async def test_a_country_we_do_not_deliver_to_is_refused(checkout: httpx.AsyncClient) -> None:
    cart_id = await open_cart(checkout)
    for country in ("US", "ZZ"):
        answer = await checkout.put(f"{CARTS}/{cart_id}/details", json=details(country=country))
        assert wrong_fields(answer) == ["shipping_address.country"]
    assert (await get_cart(checkout, cart_id))["shipping_address"] is None


async def test_a_method_that_does_not_carry_the_cart_is_refused(
    checkout: httpx.AsyncClient, shelf: Shelf
) -> None:
    anvil = await shelf.product("anvil", stock=9, weight_grams=40_000)
    cart_id = await open_cart(checkout)
    await put_line(checkout, cart_id, anvil, 1)
    for method in ("express", "pigeon", "STANDARD", "'"):
        answer = await checkout.put(f"{CARTS}/{cart_id}/details", json=details(shipping_method=method))
        assert wrong_fields(answer) == ["shipping_method"], method
    assert (await get_cart(checkout, cart_id))["email"] is None


async def test_a_cart_that_grows_too_heavy_for_its_method_says_so(
    checkout: httpx.AsyncClient, shelf: Shelf
) -> None:
    anvil = await shelf.product("anvil", stock=9, weight_grams=30_000)
    cart_id = await open_cart(checkout)
    await put_line(checkout, cart_id, anvil, 1)
    await put(checkout, f"{cart_id}/details", details(shipping_method="express"))
    cart = await put_line(checkout, cart_id, anvil, 2)
    assert warnings_of(cart) == [("not_delivered", None)]
    assert "Express" in cart["warnings"][0]["message"]
    assert (cart["shipping"], cart["totals"]["shipping"]) == (None, None)
    assert warnings_of(await put_line(checkout, cart_id, anvil, 1)) == []


async def test_a_method_or_country_that_ends_says_so(
    checkout: httpx.AsyncClient, shelf: Shelf, owner: asyncpg.Connection
) -> None:
    cart_id = await ready_cart(checkout, (await shelf.product("mug", stock=9), 1))
    await owner.execute("DELETE FROM checkout.shipping_methods WHERE code = 'standard'")
    cart = await get_cart(checkout, cart_id)
    assert (warnings_of(cart), cart["tax"]["percent"]) == ([("not_delivered", None)], 19.0)
    await owner.execute("DELETE FROM checkout.tax_rates WHERE country = 'DE'")
    cart = await get_cart(checkout, cart_id)
    assert (warnings_of(cart), cart["tax"]) == ([("not_delivered", None)], None)
    assert "DE" in cart["warnings"][0]["message"]
    refused = await checkout.post(f"{CARTS}/{cart_id}/order", headers={"Idempotency-Key": "1"})
    assert refused.json()["missing"] == ["shipping_address", "shipping_method"]


async def test_the_ways_to_ship_are_those_that_carry_the_cart_there(
    checkout: httpx.AsyncClient, shelf: Shelf, owner: asyncpg.Connection
) -> None:
    mug = await shelf.product("mug", stock=99, weight_grams=1000)
    cart_id = await open_cart(checkout)
    path = f"{CARTS}/{cart_id}/shipping-methods"

    async def offered(**query: str) -> list[tuple[str, int]]:
        answer = await checkout.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return [(method["code"], method["price"]["amount"]) for method in answer.json()["items"]]

    assert await offered(country="DE") == [("standard", 490), ("express", 1290)]
    await put_line(checkout, cart_id, mug, 3)
    assert await offered(country="DE") == [("standard", 790), ("express", 1890)]
    assert await offered(country="CH") == [("standard", 1390), ("express", 2490)]
    assert await offered(country="US") == []
    await put_line(checkout, cart_id, mug, 40)
    assert await offered(country="DE") == [("standard", 5900)]
    await owner.execute("UPDATE checkout.shipping_methods SET position = 1 - position")
    await put_line(checkout, cart_id, mug, 1)
    await put(checkout, f"{cart_id}/details", DETAILS)
    assert await offered() == [("express", 1290), ("standard", 490)]


async def test_the_ways_to_ship_need_a_country(checkout: httpx.AsyncClient) -> None:
    path = f"{CARTS}/{await open_cart(checkout)}/shipping-methods"
    assert wrong_fields(await checkout.get(path)) == ["country"]
    for country in ("de", "DE\n", "D", "DEU", "%", ""):
        assert wrong_fields(await checkout.get(path, params={"country": country})) == ["country"], country
