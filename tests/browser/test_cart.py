"""The cart without leaving the page: the drawer, changes shown at once, and what happens when they fail."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.choosing import add_something, choose_variant, open_something
from tests.browser.conftest import LOOKS, Open
from tests.browser.holding import hold

pytestmark = pytest.mark.browser

UNCHANGED = "That did not work, and your cart is as it was."


def refuse(route: Route) -> None:
    route.abort("connectionfailed")


def articles(page: Page) -> str:
    return page.locator("#cart-count").inner_text()


@LOOKS
def test_what_is_added_is_shown_in_a_drawer_and_can_be_changed_there(
    width: int, scheme: str, visit: Open
) -> None:
    shopper = visit(width, scheme=scheme)
    page = shopper.page
    title = open_something(page)
    address = page.url
    choose_variant(page)
    shopper.picture("product-chosen")
    page.get_by_role("button", name="Add to cart").click()
    drawer = page.get_by_role("dialog", name="Your cart")
    expect(drawer.get_by_role("link", name=title)).to_be_visible()
    expect(page.locator("#cart-count")).to_have_text("1")
    shopper.picture("drawer")
    for _ in range(2):
        drawer.get_by_role("button", name=f"One more of {title}").click()
    expect(drawer.get_by_label(f"Number of {title}")).to_have_value("3")
    expect(page.locator("#cart-count")).to_have_text("3")
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    assert page.url == address
    page.get_by_role("link", name="Cart", exact=True).or_(page.locator(".cart-link")).first.click()
    expect(drawer.get_by_label(f"Number of {title}")).to_have_value("3")


def test_what_was_removed_can_be_brought_back(visit: Open) -> None:
    shopper = visit(1280)
    page = shopper.page
    title = add_something(page)
    page.goto("/cart")
    page.get_by_label(f"Number of {title}").fill("2")
    page.get_by_label(f"Number of {title}").press("Tab")
    expect(page.locator("#cart-count")).to_have_text("2")
    page.get_by_role("button", name=f"Remove {title}").click()
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    expect(page.locator(".empty-lead")).to_be_visible()
    shopper.picture("cart-removed")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label(f"Number of {title}")).to_have_value("2")
    expect(page.locator("#cart-count")).to_have_text("2")


def test_a_change_that_fails_is_taken_back(visit: Open) -> None:
    shopper = visit(390, scheme="dark")
    page = shopper.page
    title = add_something(page)
    page.goto("/cart")
    change = hold(page, "**/cart/quantity")
    page.get_by_role("button", name=f"One more of {title}").click()
    expect(page.get_by_label(f"Number of {title}")).to_have_value("2")
    refuse(change())
    page.unroute("**/cart/quantity")
    page.route("**/cart/quantity", refuse)
    expect(page.get_by_role("alert")).to_contain_text(UNCHANGED)
    expect(page.get_by_label(f"Number of {title}")).to_have_value("1")
    page.get_by_role("button", name=f"Remove {title}").click()
    expect(page.get_by_role("alert")).to_contain_text(UNCHANGED)
    expect(page.get_by_role("link", name=title)).to_be_visible()
    expect(page.locator("#cart-count")).to_have_text("1")
    shopper.picture("cart-failed")
    shopper.complaints.clear()  # the refused connections, as Chromium tells of them


def test_an_article_that_could_not_be_added_is_not_counted(visit: Open) -> None:
    shopper = visit(1280)
    page = shopper.page
    open_something(page)
    choose_variant(page)
    page.route("**/cart/lines", refuse)
    page.get_by_role("button", name="Add to cart").click()
    expect(page.get_by_role("alert")).to_contain_text(UNCHANGED)
    expect(page.locator("#cart-count")).to_be_hidden()
    expect(page.get_by_role("dialog")).to_be_hidden()
    shopper.picture("not-added")
    page.unroute("**/cart/lines")
    page.get_by_role("button", name="Add to cart").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    shopper.complaints.clear()  # the refused connection, as Chromium tells of it


def test_a_number_that_is_none_brings_the_shops_own_words(visit: Open) -> None:
    shopper = visit(1280)
    page = shopper.page
    title = add_something(page)
    page.goto("/cart")
    page.get_by_label(f"Number of {title}").fill("x")
    page.get_by_label(f"Number of {title}").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("a whole one, 999 at most")
    shopper.picture("cart-wrong-number")
    shopper.forget("422")


def test_choosing_by_attributes_shows_the_price_and_marks_what_is_gone(visit: Open) -> None:
    shopper = visit(1280)
    page = shopper.page
    found = page.request.get("/api/catalog/products", params={"q": "mug", "limit": 100}).json()["items"]
    for card in found:
        product = page.request.get(f"/api/catalog/products/{card['slug']}").json()
        gone = [variant for variant in product["variants"] if variant["availability"] == "sold_out"]
        if gone and len(product["variants"]) > 2 and product["availability"] != "sold_out":
            break
    else:
        pytest.fail("no mug has a variant that is sold out")
    page.goto(f"/products/{card['slug']}")
    expect(page.locator("[data-add].is-ready")).to_be_visible()
    for name, value in gone[0]["attributes"].items():
        page.locator(f"[data-axis='{name}'][value='{value}']").check()
    expect(page.locator("#stock")).to_have_text("Sold out")
    expect(page.get_by_role("button", name="Add to cart")).to_be_disabled()
    assert page.locator(".pill-gone").count() > 0
    shopper.picture("variant-gone")
