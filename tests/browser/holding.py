"""Requests that stay on their way for as long as a test wants."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, Route

from tests.store import wait_until


def hold(page: Page, url: str | re.Pattern[str]) -> Callable[[], Route]:
    """From now on requests to `url` get no answer; what it returns waits for one and hands it out."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    def take() -> Route:
        # Playwright tells of requests while it is asked something.
        wait_until(lambda: bool(page.evaluate("true") and held), f"a request to {url}")
        return held.pop()

    page.route(url, keep)
    return take
