"""A real Chromium, and what a page may not do in it.

The browser is the system's (`chromium` on PATH), so no test downloads one. Screenshots go to the
folder named by KIOSK_SCREENSHOTS, or else to `.local/screenshots`: look at them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from tests.browser.axe import findings
from tests.conftest import ROOT, needs_program

ARGUMENTS = [
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
expect.set_options(timeout=30_000)  # a busy machine may be slow with a page; as long as clicks wait
# Where pages are searched for barriers: layouts follow the width, contrasts the scheme.
SEARCHED = {(390, "dark"), (1280, "light")}
LOOKS = pytest.mark.parametrize(
    ("width", "scheme"), [(width, scheme) for width in (390, 768, 1280) for scheme in ("light", "dark")]
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Gone before other tests run: Playwright keeps the thread's event loop to itself."""
    path = needs_program("chromium", "chromium-browser", "google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Visit:
    """One page in the browser, and everything it complained about."""

    page: Page
    folder: Path
    look: str
    searched: bool
    complaints: list[str] = field(default_factory=list)

    def note_failure(self, request: Request) -> None:
        """A picture still on its way when the shopper went on is no failure."""
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"failed: {request.url}: {request.failure}")

    def picture(self, name: str) -> None:
        """Takes a screenshot, and checks that nothing sticks out at the side and nobody is shut out."""
        width = self.page.evaluate("document.documentElement.scrollWidth")
        assert width <= self.page.evaluate("window.innerWidth"), f"{name} scrolls sideways"
        self.page.screenshot(path=self.folder / f"{name}-{self.look}.png")
        if self.searched:
            assert findings(self.page) == [], name

    def forget(self, *texts: str) -> None:
        """Takes back Chromium's own complaints about answers that are errors on purpose."""
        for text in texts:
            (found,) = [complaint for complaint in self.complaints if text in complaint]
            self.complaints.remove(found)


Open = Callable[..., Visit]


@pytest.fixture
def visit(browser: Browser, base_url: str) -> Iterator[Open]:
    """Opens a page of the store: `visit(width=390)`. At the end of the test it may have complained
    about nothing: console, content policy, failed and refused requests."""
    folder = Path(os.environ.get("KIOSK_SCREENSHOTS") or ROOT / ".local" / "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    visits: list[Visit] = []

    def open_page(
        width: int = 1280,
        *,
        scheme: Literal["light", "dark"] = "light",
        scripts: bool = True,
        language: str = "en-GB",
    ) -> Visit:
        context = browser.new_context(
            base_url=base_url,
            viewport={"width": width, "height": 844},
            color_scheme=scheme,
            java_script_enabled=scripts,
            locale=language,
            reduced_motion="reduce",  # nothing moves while it is looked at
        )
        look = f"{width}-{scheme}" + ("" if language == "en-GB" else f"-{language[:2]}")
        one = Visit(context.new_page(), folder, look, scripts and (width, scheme) in SEARCHED)
        one.page.on("console", lambda message: one.complaints.append(f"{message.type}: {message.text}"))
        one.page.on("pageerror", lambda error: one.complaints.append(f"error: {error}"))
        one.page.on("requestfailed", one.note_failure)
        visits.append(one)
        return one

    yield open_page
    for one in visits:
        one.page.context.close()
    assert [complaint for one in visits for complaint in one.complaints] == []
