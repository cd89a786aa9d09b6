"""An order's page after the purchase."""

from __future__ import annotations

import re
import uuid

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.test_buy import GOOD, expect_paid, go_to_payment, pay

pytestmark = pytest.mark.browser


def test_who_cancels_a_paid_order_sees_the_refund_come_by_itself(visit: Open) -> None:
    shopper = visit(390, scheme="dark")
    page = shopper.page
    go_to_payment(page, f"ada-{uuid.uuid4().hex[:12]}@example.com")
    pay(page, GOOD)
    expect_paid(page)
    fault = {"operation": "create_refund", "mode": "hang", "times": 1, "seconds": 20}
    assert page.request.post("/sandbox/faults", data=fault).ok
    page.get_by_role("link", name="Cancel this order").click()
    page.get_by_role("button", name="Cancel the order").click()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("This order was cancelled")
    expect(page.locator(".order-words")).to_have_text("What you paid goes back to you.")
    expect(page.get_by_text("is on its way to you")).to_be_visible()
    shopper.picture("cancelled-paid")
    expect(heading).to_have_text("This order was refunded", timeout=60_000)
    expect(page.get_by_text(re.compile("went back to you"))).to_be_visible()
