"""The whole journey with the keyboard alone: every stop is reached by it, and seen."""

from __future__ import annotations

import re
import uuid

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open

pytestmark = pytest.mark.browser

STOPS_MAX = 90
_FOCUSED = """() => {
    const element = document.activeElement;
    const places = [[element], [element, "::after"], [element.closest("label") ?? element]];
    const label = element.labels?.[0]?.textContent;
    return {
        name: (element.getAttribute("aria-label") || label || element.textContent).trim(),
        visible: places.some((place) => getComputedStyle(...place).outlineStyle !== "none"),
    };
}"""


def tab_to(page: Page, name: str) -> None:
    """Goes on with Tab until something of this name has the focus; each stop must be seen."""
    pattern, seen = re.compile(name), []
    for _ in range(STOPS_MAX):
        page.keyboard.press("Tab")
        focused = page.evaluate(_FOCUSED)
        seen.append(focused["name"][:30])
        if pattern.search(focused["name"]):
            assert focused["visible"], f"the focus on {focused['name']} can't be seen"
            return
    pytest.fail(f"Tab does not lead to {name}, but to {seen}")


def test_a_shopper_buys_with_the_keyboard_alone(visit: Open) -> None:
    page = visit(1280).page
    page.goto("/")
    tab_to(page, "^Search the shop")
    page.keyboard.type("winter stoneware mug")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?*")
    page.keyboard.press("Tab")  # from the top
    tab_to(page, "^Winter stoneware mug")
    page.keyboard.press("Enter")
    page.wait_for_url("**/products/*")
    expect(page.locator("[data-add].is-ready")).to_be_visible()
    for index in range(page.locator("[data-axes] fieldset").count()):
        first = page.locator("[data-axes] fieldset").nth(index).locator(".pill:not(.pill-gone)").first
        tab_to(page, re.escape(first.locator(".pill-text").inner_text()))
        page.keyboard.press("Space")
    tab_to(page, "^Add to cart")
    page.keyboard.press("Enter")
    drawer = page.get_by_role("dialog", name="Your cart")
    expect(drawer.get_by_role("link", name="Go to the checkout")).to_be_visible()
    tab_to(page, "^One more of")
    page.keyboard.press("Enter")
    expect(page.locator("#cart-count")).to_have_text("2")
    expect(drawer.get_by_role("button", name="One more of")).to_be_focused()
    tab_to(page, "^Go to the checkout")
    page.keyboard.press("Enter")
    page.wait_for_url("**/checkout")
    for label, typed in {
        "^Email": f"ada-{uuid.uuid4().hex[:12]}@example.com",
        "^Country": "Germany",
        "^Name": "Ada Lovelace",
        "^Street": "12 Analytical Way",
        "^Postal code": "10115",
        "^City": "Berlin",
    }.items():
        tab_to(page, label)
        page.keyboard.type(typed)
    expect(page.get_by_role("radio", name="Standard")).to_be_checked()
    tab_to(page, "^Order and pay")
    page.keyboard.press("Enter")
    page.wait_for_url("**/orders/*")
    expect(page.get_by_role("button", name=re.compile("^Pay "))).to_be_visible()
    for label, typed in {
        "^Card number": "4242424242424242",
        "^Expires": "12 / 34",
        "^Security": "123",
    }.items():
        tab_to(page, label)
        page.keyboard.type(typed)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you for your order")
