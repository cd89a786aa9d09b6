"""Which language a shopper is answered in, and how everything is written in it."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from services.money import Money
from services.storefront import formatting
from services.storefront.languages import GERMAN, RequestLanguage, chosen_language, speaking
from tests.storefront.conftest import PUBLIC_URL, AddProduct

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
NBSP = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT, de;q=0.9, en;q=0.8", "de"),
        ("DE-Latn-CH-1996", "de"),
        ("fr, de;q=0.3, en;q=0.2", "de"),
        ("fr, nl", "en"),
        ("en;q=0.1, de", "de"),
        ("de;q=0", "en"),
        ("de;q=0, de-AT", "en"),
        ("fr, *;q=0.5", "en"),
        ("en;q=0, *", "de"),
        ("garbage;;;q=x, , de;q=2.5, \N{SNOWMAN}", "en"),
        (",".join(["xx"] * 5000) + ",de", "en"),
    ],
)
def test_accept_language_is_matched_by_weight_and_from_the_end(header: str, code: str) -> None:
    assert chosen_language(header).code == code


@pytest.mark.parametrize(
    ("cookie", "code"),
    [
        ("kiosk_language=de", "de"),
        ("a=b; kiosk_language=de; c=d", "de"),
        ('foreign={"a": [1, 2]}; kiosk_language=de', "de"),
        ("kiosk_language=xx", "en"),
        ("kiosk_language=", "en"),
        ("x" * 5000, "en"),
    ],
)
def test_a_cookie_counts_before_the_browsers_own_wish(cookie: str, code: str) -> None:
    assert chosen_language("en", cookie).code == code


async def test_a_page_says_its_language_and_what_it_varies_by(shop: httpx.AsyncClient, kitchen: None) -> None:
    english = await shop.get("/products/blue-mug")
    german = await shop.get("/products/blue-mug", headers={"Accept-Language": "de"})
    for page, code in ((english, "en"), (german, "de")):
        assert page.headers["content-language"] == code
        assert f'<html lang="{code}"' in page.text
        assert page.headers["cache-control"].startswith("public")
        varies = {name.strip() for name in page.headers["vary"].split(",")}
        assert varies == {"Accept-Encoding", "Accept-Language", "Cookie"}
    assert english.headers["etag"] != german.headers["etag"]
    assert "€15.00" in english.text
    assert f"15,00{NBSP}€" in german.text


async def test_what_a_browser_keeps_of_one_language_is_no_answer_in_another(
    shop: httpx.AsyncClient, kitchen: None
) -> None:
    english = await shop.get("/")
    asked = {"If-None-Match": english.headers["etag"]}
    same = await shop.get("/", headers=asked)
    assert same.status_code == 304
    assert same.headers["content-language"] == "en"
    assert "Cookie" in same.headers["vary"]
    assert (await shop.get("/", headers={**asked, "Accept-Language": "de"})).status_code == 200


async def test_errors_are_told_in_the_shoppers_language(lonely_shop: httpx.AsyncClient) -> None:
    page = await lonely_shop.get("/nothing", headers={"Accept-Language": "de-DE"})
    assert page.status_code == 404
    assert page.headers["content-language"] == "de"
    assert "Hier ist nichts" in page.text


async def test_problems_of_the_api_stay_english(lonely_shop: httpx.AsyncClient) -> None:
    problem = await lonely_shop.get("/api/nothing", headers={"Accept-Language": "de"})
    assert problem.json()["title"] == "Not Found"


async def test_the_switch_remembers_the_language_and_leads_back(lonely_shop: httpx.AsyncClient) -> None:
    answer = await lonely_shop.post(
        "/language", data={"language": "de", "back": "/search?q=a%20b"}, headers=SAME_ORIGIN
    )
    assert answer.status_code == 303
    assert answer.headers["location"] == "/search?q=a%20b"
    assert answer.headers["cache-control"] == "no-store"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("kiosk_language=de;")
    assert "Secure" in cookie
    assert "SameSite=lax" in cookie


@pytest.mark.parametrize(
    "back",
    ["//evil.example", "/\\evil.example", "https://evil.example/", "evil", "", "/a\r\nb", "/\t/evil.example"],
)
async def test_the_switch_leads_nowhere_but_to_this_shop(back: str, lonely_shop: httpx.AsyncClient) -> None:
    answer = await lonely_shop.post("/language", data={"language": "de", "back": back}, headers=SAME_ORIGIN)
    assert answer.headers["location"] == "/"


async def test_a_language_we_do_not_speak_changes_nothing(lonely_shop: httpx.AsyncClient) -> None:
    answer = await lonely_shop.post("/language", data={"language": "xx"}, headers=SAME_ORIGIN)
    assert answer.status_code == 303
    assert "set-cookie" not in answer.headers


async def test_german_goes_through_to_the_cart_and_its_refusals(shopper: httpx.AsyncClient, mug: str) -> None:
    await shopper.post("/language", data={"language": "de", "back": "/"})
    assert (await shopper.get("/cart")).headers["content-language"] == "de"
    refused = await shopper.post("/cart/lines", data={"sku": mug, "quantity": "x"})
    assert refused.status_code == 422
    assert "Die Anzahl muss eine ganze Zahl sein, höchstens 999." in refused.text
    await shopper.post("/cart/lines", data={"sku": mug, "quantity": "2"})
    assert f"30,00{NBSP}€" in (await shopper.get("/cart")).text


@pytest.mark.parametrize(
    ("amount", "english", "german"),
    [
        (Money(123456, "EUR"), "€1,234.56", f"1.234,56{NBSP}€"),
        (Money(-50, "EUR"), "-€0.50", f"-0,50{NBSP}€"),
        (Money(1500, "JPY"), "¥1,500", f"1.500{NBSP}¥"),
        (Money(1500, "KWD"), f"KWD{NBSP}1.500", f"1,500{NBSP}KWD"),
        (Money(1500, "IQD"), f"IQD{NBSP}1.500", f"1,500{NBSP}IQD"),
        (Money(1200, "CHF"), f"CHF{NBSP}12.00", f"12,00{NBSP}CHF"),
        (Money(1999, "USD"), "$19.99", f"19,99{NBSP}$"),
        (Money(10**15 + 1, "EUR"), "€10,000,000,000,000.01", f"10.000.000.000.000,01{NBSP}€"),
    ],
)
def test_amounts_are_written_as_the_language_and_the_currency_do(
    amount: Money, english: str, german: str
) -> None:
    assert formatting.money(amount) == english
    with speaking(GERMAN):
        assert formatting.money(amount) == german


def test_days_numbers_and_countries_are_written_as_the_language_does() -> None:
    moment = datetime(2026, 2, 3, 14, 5, tzinfo=UTC)
    assert formatting.day(moment) == "3 February 2026"
    assert formatting.percent(7.5) == "7.5%"
    assert formatting.enumeration(["a", "b", "c"]) == "a, b and c"
    assert formatting.country("DE") == "Germany"
    with speaking(GERMAN):
        assert formatting.day(moment) == "3. Februar 2026"
        assert formatting.clock(moment) == "14:05"
        assert formatting.percent(19) == f"19{NBSP}%"
        assert formatting.number(12345) == "12.345"
        assert formatting.enumeration(["a", "b", "c"]) == "a, b und c"
        assert formatting.country("XX") == "XX"
        in_order = formatting.countries_in_order(["PL", "AT", "PT", "DE"])
        assert [name for _, name in in_order] == ["Deutschland", "Österreich", "Polen", "Portugal"]


async def test_the_way_back_is_the_pages_own_address_without_what_it_ignores(
    shop: httpx.AsyncClient, add_product: AddProduct
) -> None:
    await add_product("mug")
    page = await shop.get("/search?q=mug&utm_source=x")
    assert 'name="back" value="/search?q=mug"' in page.text
    assert f'href="{PUBLIC_URL}/search?q=mug"' in page.text


@pytest.mark.parametrize("target", ["*", "", "/", "nothing/there"])
async def test_a_target_without_a_slash_breaks_nothing(target: str) -> None:
    """As `OPTIONS *` has it (RFC 9112, section 3.2.4)."""
    reached: list[str] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        reached.append(scope["path"])

    async def nothing(*_: object) -> Message:
        raise AssertionError("neither asked nor told anything")

    scope = {"type": "http", "method": "OPTIONS", "path": target, "raw_path": target.encode(), "headers": []}
    await RequestLanguage(app)(scope, nothing, nothing)  # type: ignore[arg-type]  # never called
    assert reached == [target]
