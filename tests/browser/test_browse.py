"""Search, filter, product, health: the journey of a shopper who only looks."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open

pytestmark = pytest.mark.browser

WIDTHS = pytest.mark.parametrize("width", [390, 1280])


def open_filters(page: Page) -> None:
    """On a small screen they are folded away."""
    if not page.get_by_label("Only what is in stock").is_visible():
        page.get_by_text("Filters", exact=True).click()


def prices(page: Page) -> list[float]:
    texts = page.locator(".card .price-now").all_inner_texts()
    return [float(re.sub(r"[^0-9.]", "", text)) for text in texts]


@WIDTHS
def test_a_shopper_searches_filters_and_opens_a_product(width: int, visit: Open) -> None:
    shopper = visit(width)
    page = shopper.page
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    shopper.picture(f"home-{width}")

    page.get_by_role("searchbox").fill("lamp")
    page.get_by_role("searchbox").press("Enter")
    expect(page).to_have_url(re.compile(r"/search\?q=lamp$"))
    expect(page.get_by_role("searchbox")).to_have_value("lamp")
    shopper.picture(f"search-{width}")

    open_filters(page)
    page.get_by_label("Only what is in stock").check()
    page.get_by_label("To", exact=True).fill("200")
    page.get_by_label("Sort by").select_option("price")
    shopper.picture(f"filters-{width}")
    page.get_by_role("button", name="Show products").click()
    expect(page.get_by_role("link", name="Remove filter In stock")).to_be_visible()
    found = prices(page)
    assert found
    assert found == sorted(found)
    assert found[-1] <= 200
    expect(page.locator(".stock-sold_out")).to_have_count(0)
    shopper.picture(f"filtered-{width}")

    first = page.locator(".card h3 a").first
    title = first.inner_text()
    first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page.locator(".gallery img").first).to_have_js_property("complete", True)
    assert page.locator(".gallery img").first.evaluate("image => image.naturalWidth") > 0
    shopper.picture(f"product-{width}")

    page.goto("/health")
    health = json.loads(page.locator("body").inner_text())
    assert health["checks"]["storefront"]["status"] == "ok"


@WIDTHS
def test_a_shopper_walks_down_the_categories_and_on_to_the_next_page(width: int, visit: Open) -> None:
    shopper = visit(width)
    page = shopper.page
    page.goto("/")
    page.get_by_role("navigation", name="Categories").get_by_role("link").first.click()
    top = page.get_by_role("heading", level=1).inner_text()
    shopper.picture(f"category-{width}")
    seen = page.locator(".card h3 a").all_inner_texts()
    page.get_by_role("link", name="Next page").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(top)
    assert page.locator(".card h3 a").all_inner_texts() != seen
    page.get_by_role("link", name="Back to the first page").click()
    assert page.locator(".card h3 a").all_inner_texts() == seen
    page.get_by_role("navigation", name=f"Within {top}").get_by_role("link").first.click()
    expect(page.get_by_role("navigation", name="Breadcrumb")).to_contain_text(top)


@WIDTHS
def test_every_kind_of_page_fits_the_window_in_the_dark_too(width: int, visit: Open) -> None:
    shopper = visit(width, scheme="dark")
    for name, path in {
        "home": "/",
        "nothing-found": "/search?q=lampq",
        "reference": "/api/docs",
    }.items():
        shopper.page.goto(path)
        shopper.picture(f"{name}-dark-{width}")


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


def test_a_page_that_is_not_there_offers_a_way_on(visit: Open) -> None:
    shopper = visit(390)
    answer = shopper.page.goto("/no-such-page")
    assert answer is not None
    assert answer.status == 404
    shopper.picture("not-found-390")
    (complaint,) = shopper.complaints  # Chromium reports the page's own status
    assert "404" in complaint
    shopper.complaints.clear()
    shopper.page.get_by_role("link", name="To the front door").click()
    expect(shopper.page).to_have_url(re.compile("/$"))
