"""Search, filter, product, health: the journey of a shopper who only looks."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import LOOKS, Open
from tests.store import wait_until

pytestmark = pytest.mark.browser

SEARCH = "Search the shop"


def open_filters(page: Page) -> None:
    """On a small screen they are in a drawer."""
    if not page.get_by_label("Only what is in stock").is_visible():
        page.get_by_role("button", name=re.compile("^Filters")).click()


def prices(page: Page) -> list[float]:
    texts = page.locator(".card .price-now").all_inner_texts()
    return [float(re.sub(r"[^0-9.]", "", text)) for text in texts]


@LOOKS
def test_a_shopper_searches_filters_and_opens_a_product(width: int, scheme: str, visit: Open) -> None:
    shopper = visit(width, scheme=scheme)
    page = shopper.page
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    shopper.picture("home")

    page.locator("#search").fill("lamp")
    page.locator("#search").press("Enter")
    expect(page).to_have_url(re.compile(r"/search\?q=lamp$"))
    expect(page.locator("#search")).to_have_value("lamp")
    shopper.picture("search")

    open_filters(page)
    page.get_by_label("To", exact=True).fill("200")
    shopper.picture("filters")
    page.get_by_label("Only what is in stock").check()
    if page.get_by_role("button", name="Show products").is_visible():
        page.get_by_role("button", name="Show products").click()
    expect(page.get_by_role("link", name="Remove filter In stock")).to_be_visible()
    page.get_by_label("Sort by").select_option("price")
    expect(page).to_have_url(re.compile("sort=price"))
    expect(page.locator("#listing")).not_to_have_attribute("aria-busy", "true")
    found = prices(page)
    assert found
    assert found == sorted(found)
    assert found[-1] <= 200
    expect(page.locator(".stock-sold_out")).to_have_count(0)
    shopper.picture("filtered")

    first = page.locator(".card h3 a").first
    title = first.inner_text()
    first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page.locator(".gallery img").first).to_have_js_property("complete", True)
    assert page.locator(".gallery img").first.evaluate("image => image.naturalWidth") > 0
    shopper.picture("product")


@pytest.mark.parametrize("width", [390, 1280])
def test_a_shopper_walks_down_the_categories_and_on_to_the_next_page(width: int, visit: Open) -> None:
    shopper = visit(width, scheme="dark" if width == 390 else "light")
    page = shopper.page
    page.goto("/")
    page.get_by_role("navigation", name="Categories").get_by_role("link").first.click()
    expect(page).to_have_url(re.compile("/categories/"))
    top = page.get_by_role("heading", level=1).inner_text()
    shopper.picture("category")
    seen = page.locator(".card h3 a").all_inner_texts()
    page.get_by_role("link", name="Next page").click()
    expect(page.get_by_role("link", name="Back to the first page")).to_be_visible()
    assert page.locator(".card h3 a").all_inner_texts() != seen
    page.go_back()
    expect(page.get_by_role("link", name="Back to the first page")).to_have_count(0)
    assert page.locator(".card h3 a").all_inner_texts() == seen
    page.get_by_role("navigation", name=f"Within {top}").get_by_role("link").first.click()
    expect(page.get_by_role("navigation", name="Breadcrumb")).to_contain_text(top)


def test_filters_follow_the_back_button(visit: Open) -> None:
    page = visit(1280).page
    page.goto("/search?q=mug")
    before = page.locator("#results-count").inner_text()
    page.get_by_label("Only what is in stock").check()
    expect(page.get_by_role("link", name="Remove filter In stock")).to_be_visible()
    expect(page.get_by_label("Only what is in stock")).to_be_focused()
    assert page.locator("#results-count").inner_text() != before
    page.go_back()
    expect(page.locator("#results-count")).to_have_text(before)
    expect(page.get_by_label("Only what is in stock")).not_to_be_checked()
    page.go_forward()
    page.get_by_role("link", name="Remove filter In stock").click()
    expect(page.locator("#results-count")).to_have_text(before)


@LOOKS
def test_every_other_kind_of_page_fits_the_window(width: int, scheme: str, visit: Open) -> None:
    shopper = visit(width, scheme=scheme)
    for name, path in {
        "nothing-found": "/search?q=lampq",
        "nothing-fits": "/categories/kitchen?price_to=1",
        "wrong-filter": "/search?price_from=cheap",
        "not-found": "/no-such-page",
    }.items():
        shopper.page.goto(path)
        shopper.picture(name)
    shopper.forget("404", "422")


@pytest.mark.slow  # axe has much to read in it
def test_the_reference_of_the_api_looks_like_the_shop(visit: Open) -> None:
    shopper = visit(390, scheme="dark")
    shopper.page.goto("/api/docs")
    shopper.picture("reference")


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_german_fits_too(width: int, scheme: str, visit: Open) -> None:
    shopper = visit(width, scheme=scheme, language="de-DE")
    page = shopper.page
    for name, path in {"home": "/", "search": "/search?q=mug", "nothing-found": "/search?q=lampq"}.items():
        page.goto(path)
        expect(page.locator("html")).to_have_attribute("lang", "de")
        shopper.picture(name)
    page.goto("/search?q=mug")
    page.locator(".card h3 a").first.click()
    page.wait_for_url("**/products/*")
    shopper.picture("product")


def test_the_shop_works_without_scripts(visit: Open) -> None:
    page = visit(scripts=False).page
    page.goto("/search?q=mug")
    page.get_by_label("Sort by").select_option("-price")
    page.get_by_role("button", name="Sort").click()
    found = prices(page)
    assert found == sorted(found, reverse=True)


def test_the_keyboard_reaches_the_content_first_and_the_search_next(visit: Open) -> None:
    page = visit().page
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_suggestions_come_while_typing_and_the_arrow_keys_choose(visit: Open) -> None:
    shopper = visit(1280)
    page = shopper.page
    page.goto("/")
    search = page.get_by_role("combobox", name=SEARCH)
    search.press_sequentially("lam")
    # Not those of fewer letters, which the last ones would take the place of.
    expect(page.get_by_role("option").first.locator("mark")).to_have_text(re.compile("^lam$", re.IGNORECASE))
    expect(search).to_have_attribute("aria-expanded", "true")
    search.press("ArrowDown")
    chosen = page.get_by_role("option", selected=True)
    expect(chosen).to_have_count(1)
    assert search.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    shopper.picture("suggest")
    search.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(search).to_have_value("lam")
    search.press("ArrowDown")
    search.press("ArrowUp")
    path = page.get_by_role("option").last.get_attribute("data-path")
    search.press("Enter")
    page.wait_for_url(f"**{path}")


def test_without_an_answer_the_search_is_still_a_search(visit: Open) -> None:
    shopper = visit(390)
    page = shopper.page
    page.route("**/api/catalog/suggest*", lambda route: route.fulfill(status=503))
    page.goto("/")
    page.locator("#search").press_sequentially("lamp")
    page.locator("#search").press("Enter")
    expect(page).to_have_url(re.compile(r"/search\?q=lamp$"))
    shopper.complaints.clear()  # the refused suggestions, as Chromium tells of them


def test_a_page_that_is_not_there_offers_a_search_and_a_way_on(visit: Open) -> None:
    shopper = visit(390)
    page = shopper.page
    answer = page.goto("/no-such-page")
    assert answer is not None
    assert answer.status == 404
    page.get_by_role("main").get_by_label(SEARCH).fill("lamp")
    page.get_by_role("main").get_by_role("button", name="Search").click()
    expect(page).to_have_url(re.compile(r"/search\?q=lamp$"))
    page.go_back()
    page.get_by_role("link", name="To the front door").click()
    expect(page).to_have_url(re.compile("/$"))
    shopper.complaints.clear()  # Chromium reports the page's own status, twice


def test_health_tells_that_the_shop_is_well(visit: Open) -> None:
    page = visit().page
    page.goto("/health")
    expect(page.get_by_role("heading", level=1)).to_contain_text("The store")
    storefront = page.locator(".check").filter(has=page.get_by_role("heading", name="storefront"))
    status = storefront.locator(".status")

    def is_well() -> bool:
        page.reload()
        return status.inner_text() == "ok"

    wait_until(is_well, "a storefront that is well", 60)
