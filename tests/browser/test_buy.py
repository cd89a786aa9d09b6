"""Cart, checkout, payment, receipt: the journey of a shopper who buys."""

from __future__ import annotations

import re
import uuid
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.choosing import add_something
from tests.browser.conftest import LOOKS, Open
from tests.browser.holding import hold
from tests.store import wait_until

pytestmark = pytest.mark.browser

GOOD, DECLINED, ASKS = "4242 4242 4242 4242", "4000 0000 0000 0002", "4000 0027 6000 3184"
CHECKOUT_SCRIPT = re.compile(r"/checkout[^/]*\.js")
NEEDS_SCRIPT = "Paying needs JavaScript."


def fill_in(page: Page, email: str, country: str = "DE") -> None:
    page.get_by_label("Email").fill(email)
    page.get_by_label("Country").select_option(country)
    page.get_by_label("Name").fill("Ada Lovelace")
    page.get_by_label("Street and number").fill("12 Analytical Way")
    page.get_by_label("Postal code").fill("10115")
    page.get_by_label("City").fill("Berlin")


def go_to_checkout(page: Page) -> None:
    """Until its script listens; who is quicker has a test of their own."""
    page.get_by_role("link", name="Go to the checkout").click()
    page.wait_for_url("**/checkout")


def go_to_payment(page: Page, email: str) -> str:
    """From anywhere to an order's payment step; returns the order's path."""
    add_something(page)
    go_to_checkout(page)
    fill_in(page, email)
    expect(page.get_by_role("radio", name="Standard")).to_be_checked()
    page.get_by_role("button", name="Order and pay").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("One step left: your payment")
    return urlsplit(page.url).path


def type_card(page: Page, number: str) -> None:
    page.get_by_label("Card number").fill(number)
    page.get_by_label("Expires").fill("12 / 34")
    page.get_by_label("Security code").fill("123")


def pay(page: Page, number: str) -> None:
    type_card(page, number)
    page.get_by_role("button", name=re.compile("^Pay ")).click()


def expect_paid(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you for your order")


def mails_to(page: Page, email: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = page.request.get("/mailbox/api/messages", params={"to": email}).json()[
        "items"
    ]
    return items


@pytest.fixture
def email() -> str:
    return f"ada-{uuid.uuid4().hex[:12]}@example.com"


@LOOKS
def test_a_shopper_buys_and_gets_a_receipt(width: int, scheme: str, visit: Open, email: str) -> None:
    shopper = visit(width, scheme=scheme)
    page = shopper.page
    page.goto("/cart")
    shopper.picture("cart-empty")
    title = add_something(page)
    page.goto("/cart")
    expect(page.get_by_role("listitem").filter(has_text=title)).to_be_visible()
    expect(page.locator("#cart-count")).to_have_text("1")
    page.get_by_label(f"Number of {title}").fill("2")
    page.get_by_label(f"Number of {title}").press("Enter")
    expect(page.locator("#cart-count")).to_have_text("2")
    shopper.picture("cart")

    go_to_checkout(page)
    shopper.picture("checkout-empty")
    fill_in(page, email)
    expect(page.get_by_role("radio", name="Standard")).to_be_checked()
    page.get_by_text("Express").click()
    expect(page.locator("#summary")).to_contain_text("Shipping, Express")
    total = page.locator(".sum-total dd").inner_text()
    shopper.picture("checkout")
    page.get_by_role("button", name="Order and pay").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("One step left: your payment")
    expect(page.get_by_role("button", name=f"Pay {total}")).to_be_visible()
    shopper.picture("payment")
    pay(page, GOOD)
    expect_paid(page)
    expect(page.get_by_text(email)).to_be_visible()
    expect(page.locator("#cart-count")).to_be_hidden()
    shopper.picture("paid")
    number = re.search(r"Order (\d+)", page.locator(".order-number").inner_text())
    assert number

    wait_until(lambda: bool(mails_to(page, email)), "the receipt is in the mailbox")
    (receipt,) = mails_to(page, email)
    assert number[1] in receipt["text"]
    assert total in receipt["text"]


def test_a_shopper_quicker_than_the_script_is_offered_shipping(visit: Open, email: str) -> None:
    page = visit().page
    add_something(page)
    script = hold(page, CHECKOUT_SCRIPT)
    page.goto("/checkout", wait_until="commit")
    fill_in(page, email)
    expect(page.get_by_role("radio")).to_have_count(0)
    script().continue_()
    expect(page.get_by_role("radio", name="Standard")).to_be_checked()
    expect(page.locator("#summary")).to_contain_text("Shipping, Standard")
    expect(page.get_by_label("City")).to_have_value("Berlin")


def test_a_way_of_shipping_chosen_before_the_script_listens_is_summed_up(visit: Open, email: str) -> None:
    page = visit().page
    go_to_payment(page, email)
    page.goto("/cart")
    page.get_by_role("button", name="Change the cart").click()
    expect(page.get_by_role("link", name="Go to the checkout")).to_be_visible()
    script = hold(page, CHECKOUT_SCRIPT)
    page.goto("/checkout", wait_until="commit")
    page.get_by_text("Express").click()
    script().continue_()
    expect(page.locator("#summary")).to_contain_text("Shipping, Express")


def test_a_declined_card_says_so_and_another_one_pays(visit: Open, email: str) -> None:
    shopper = visit(390)
    page = shopper.page
    path = go_to_payment(page, email)
    pay(page, DECLINED)
    expect(page.get_by_role("alert")).to_contain_text("Your card was declined.")
    expect(page.get_by_role("alert")).to_be_focused()
    shopper.picture("declined")
    page.goto("/cart")
    page.get_by_role("link", name="Pay for your order").click()
    assert page.url.endswith(path)
    expect(page.get_by_role("alert")).to_contain_text("Your card was declined.")
    pay(page, GOOD)
    expect_paid(page)
    shopper.forget("402")


def test_what_is_wrong_with_a_card_is_said_beside_its_field(visit: Open, email: str) -> None:
    shopper = visit(390)
    page = shopper.page
    go_to_payment(page, email)
    pay(page, "4242 4242 4242 4241")
    expect(page.get_by_label("Card number")).to_have_attribute("aria-describedby", "card-number-error")
    expect(page.locator("#card-number-error")).to_have_text("Your card number is incorrect.")
    page.get_by_label("Card number").fill(GOOD)
    page.get_by_label("Expires").fill("soon")
    page.get_by_role("button", name=re.compile("^Pay ")).click()
    expect(page.locator("#card-expiry-error")).to_be_visible()
    expect(page.locator("#card-number-error")).to_be_hidden()
    shopper.picture("card-errors")
    shopper.forget("402")


def test_a_card_whose_bank_asks_is_paid_after_the_answer(visit: Open, email: str) -> None:
    page = visit(1280).page
    path = go_to_payment(page, email)
    pay(page, ASKS)
    page.get_by_role("button", name=re.compile("complete", re.IGNORECASE)).click()
    expect_paid(page)
    assert page.url.endswith(path), "the gateway's words in the address are gone"


def test_when_the_bank_says_no_another_card_can_be_tried(visit: Open, email: str) -> None:
    page = visit(1280).page
    go_to_payment(page, email)
    pay(page, ASKS)
    page.get_by_role("button", name=re.compile("fail", re.IGNORECASE)).click()
    expect(page.get_by_role("alert")).to_contain_text("unable to authenticate")
    pay(page, GOOD)
    expect_paid(page)


def test_a_double_click_pays_once(visit: Open, email: str) -> None:
    page = visit().page
    confirmed: list[str] = []
    page.on("request", lambda request: confirmed.append(request.url) if "/confirm" in request.url else None)
    go_to_payment(page, email)
    type_card(page, GOOD)
    page.get_by_role("button", name=re.compile("^Pay ")).dblclick()
    expect_paid(page)
    assert len(confirmed) == 1
    wait_until(lambda: bool(mails_to(page, email)), "the receipt is in the mailbox")


def test_a_double_click_on_order_makes_one_order(visit: Open, email: str) -> None:
    page = visit().page
    add_something(page)
    page.goto("/checkout")
    fill_in(page, email)
    expect(page.get_by_role("radio", name="Standard")).to_be_checked()
    page.get_by_role("button", name="Order and pay").dblclick()
    expect(page.get_by_role("heading", level=1)).to_have_text("One step left: your payment")


def test_going_back_after_paying_shows_no_form_to_pay(visit: Open, email: str) -> None:
    page = visit().page
    path = go_to_payment(page, email)
    pay(page, GOOD)
    expect_paid(page)
    page.goto("/")
    page.go_back()
    expect_paid(page)
    assert page.url.endswith(path)
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your cart")
    expect(page.get_by_text("There is nothing in it yet.")).to_be_visible()


def test_an_ordered_cart_can_be_changed_again(visit: Open, email: str) -> None:
    shopper = visit(390)
    page = shopper.page
    go_to_payment(page, email)
    page.goto("/cart")
    shopper.picture("cart-ordered")
    page.get_by_role("button", name="Change the cart").click()
    go_to_checkout(page)
    expect(page.get_by_label("Email")).to_have_value(email)
    page.goto("/cart")
    page.get_by_role("button", name="Remove").click()
    expect(page.locator(".empty-lead")).to_have_text("There is nothing in it yet.")


def test_mistakes_are_named_beside_their_fields(visit: Open) -> None:
    shopper = visit(390)
    page = shopper.page
    add_something(page)
    page.goto("/checkout")
    page.get_by_label("Email").fill("ada at example")
    page.get_by_label("City").fill("Berlin")
    page.get_by_role("button", name="Order and pay").click()
    expect(page.locator("#error-summary")).to_be_focused()
    expect(page.locator("#email-error")).to_contain_text("can’t be right")
    expect(page.get_by_label("Email")).to_have_attribute("aria-describedby", "email-error")
    expect(page.get_by_label("Email")).to_have_value("ada at example")
    expect(page.get_by_label("City")).to_have_value("Berlin")
    shopper.picture("checkout-mistakes")
    page.get_by_role("link", name="Enter the postal code.").click()
    expect(page.get_by_label("Postal code")).to_be_focused()
    shopper.forget("422")


def test_all_but_the_payment_works_without_scripts(visit: Open, email: str) -> None:
    shopper = visit(390, scripts=False)
    page = shopper.page
    title = add_something(page)
    expect(page).to_have_url(re.compile("/cart$"))
    page.get_by_role("button", name=f"One more of {title}").click()
    expect(page.get_by_label(f"Number of {title}")).to_have_value("2")
    page.get_by_label(f"Number of {title}").fill("1")
    page.get_by_role("button", name="Update").click()
    expect(page.get_by_label(f"Number of {title}")).to_have_value("1")
    shopper.picture("cart-without-scripts")
    page.get_by_role("link", name="Go to the checkout").click()
    fill_in(page, email)
    page.get_by_role("button", name="Show shipping").click()
    page.get_by_role("radio", name="Express").check()
    page.get_by_role("button", name="Order and pay").click()
    expect(page.get_by_role("alert")).to_contain_text("With Express shipping the total is")
    page.get_by_role("button", name="Order and pay").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("One step left: your payment")
    assert NEEDS_SCRIPT in page.locator("main").inner_text()
    expect(page.get_by_label("Card number")).to_be_hidden()
    shopper.picture("payment-without-scripts")
    page.get_by_role("link", name="Cancel this order").click()
    page.get_by_role("button", name="Cancel the order").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("This order was cancelled")
    shopper.forget("409")


def test_while_the_gateway_is_silent_the_page_says_so_and_goes_on_by_itself(visit: Open, email: str) -> None:
    shopper = visit(390)
    page = shopper.page
    add_something(page)
    page.goto("/checkout")
    fill_in(page, email)
    expect(page.get_by_role("radio", name="Standard")).to_be_checked()
    fault = {"operation": "create_intent", "mode": "hang", "times": 1, "seconds": 20}
    assert page.request.post("/sandbox/faults", data=fault).ok
    page.get_by_role("button", name="Order and pay").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your order is placed")
    shopper.picture("preparing")
    expect(page.get_by_role("heading", level=1)).to_have_text("One step left: your payment", timeout=45_000)
    pay(page, GOOD)
    expect_paid(page)


def test_when_the_gateways_reply_is_lost_the_page_learns_of_the_payment(visit: Open, email: str) -> None:
    shopper = visit(390)
    page = shopper.page
    go_to_payment(page, email)
    fault = {"operation": "confirm_intent", "mode": "lost_reply", "times": 1}
    assert page.request.post("/sandbox/faults", data=fault).ok
    pay(page, GOOD)
    expect_paid(page)
    shopper.complaints.clear()  # the lost reply, as Chromium and the page tell of it
