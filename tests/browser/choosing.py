"""Something to buy, chosen as a shopper does."""

from __future__ import annotations

import itertools

from playwright.sync_api import Page, expect

_turns = itertools.count()


def choose_variant(page: Page) -> None:
    """The first one there is: by its only attribute, by each of them, or from the list."""
    by_one = page.locator("[data-add] input[type=radio][name=sku]:enabled")
    axes = page.locator("[data-axes] fieldset")
    options = page.locator("select#sku option")
    if by_one.count():
        by_one.first.check()
    elif axes.count() and axes.first.is_visible():
        for index in range(axes.count()):
            axes.nth(index).locator(".pill:not(.pill-gone)").first.click()
    elif options.count():
        index = next(n for n in range(1, options.count()) if options.nth(n).is_enabled())
        page.locator("select#sku").select_option(index=index)


def open_something(page: Page) -> str:
    """The page of something of which there is enough, another thing each time, so that no test buys
    what another one needs; returns its title."""
    page.goto("/search?q=mug&in_stock=1")
    enough = page.locator(".card:not(:has(.stock))").get_by_role("link")
    enough.nth(next(_turns) % enough.count()).click()
    page.wait_for_url("**/products/*")
    return page.get_by_role("heading", level=1).inner_text()


def add_something(page: Page) -> str:
    """Puts it into the cart; with scripts the drawer opens, without them the cart's page."""
    title = open_something(page)
    choose_variant(page)
    page.get_by_role("button", name="Add to cart").click()
    expect(page.locator(".lines").filter(has_text=title)).to_be_visible()
    return title
