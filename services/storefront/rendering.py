"""Templates into pages. All are compiled at start, so a broken one stops the process, not a shopper."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, nodes
from markupsafe import escape
from starlette.responses import HTMLResponse
from starlette.types import Receive, Scope, Send

from services.attribute_names import attribute_label
from services.cached_response import CachedResponse, stored_response
from services.design.assets import Assets
from services.storefront.formatting import clock, country, day, money, number, percent
from services.storefront.found import Found, json_ld
from services.storefront.languages import LANGUAGES, VARIES, current_language, current_path
from services.storefront.navigation import Tree
from services.storefront.texts import require_known, rich, text

_FOLDER = Path(__file__).parent / "templates"
HTML = "text/html; charset=utf-8"
# Nobody keeps a page without asking whether it is still the same one.
_CACHE_CONTROL = "public, max-age=0, must-revalidate"
_MAIN = '<main id="content" tabindex="-1">'  # where base.html begins what is the page's own


def _paragraphs(text: str) -> list[str]:
    return [paragraph.strip() for paragraph in text.split("\n\n") if paragraph.strip()]


_NOT_FOUND = Found()
# What a template says in the request's language; texts.py tells how.
_SPOKEN = {
    "text": text,
    "rich": rich,
    "money": money,
    "day": day,
    "clock": clock,
    "number": number,
    "percent": percent,
    "country": country,
    "languages": LANGUAGES,
}


class Templates:
    """Renders the shop's templates; every one may use what `base.html` needs."""

    def __init__(self, store_name: str, assets: Assets) -> None:
        environment = Environment(
            loader=FileSystemLoader(_FOLDER),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals |= {"store_name": store_name, "asset": assets.address, **_SPOKEN}
        environment.filters |= {
            "label": attribute_label,
            "paragraphs": _paragraphs,
            "country": country,
            "day": day,
            "json_ld": json_ld,
        }
        for name in environment.list_templates():
            _require_texts(name)
        self._templates: dict[str, Template] = {
            name: environment.get_template(name) for name in environment.list_templates()
        }

    def html(
        self,
        name: str,
        tree: Tree,
        *,
        canonical: str | None = None,
        found: Found = _NOT_FOUND,
        words: str = "",
        **facts: Any,
    ) -> str:
        """`canonical` is the page's one absolute address (none: not to be indexed), `found` what search
        engines are told of it, `words` what stands in the search box."""
        template = self._templates[name]
        return template.render(
            categories=tree.top,
            canonical=canonical,
            found=found,
            words=words,
            language=current_language(),
            back=_path_of(canonical) if canonical else current_path(),
            **facts,
        )


def _path_of(address: str) -> str:
    """The path and query of an absolute address of ours."""
    return "/" + address.split("/", 3)[3]


@cache
def _require_texts(name: str) -> None:
    """Raises TextError when the template asks for a text that isn't there, or with other values."""
    parsed = Environment(autoescape=True).parse((_FOLDER / name).read_text(encoding="utf-8"), name)
    for called in parsed.find_all(nodes.Call):
        if isinstance(called.node, nodes.Name) and called.node.name in ("text", "rich") and called.args:
            key = called.args[0]
            if isinstance(key, nodes.Const):
                given = {argument.key for argument in called.kwargs}
                require_known(key.value, given, f"templates/{name}, line {called.lineno},")


class Page:
    """A page that may be kept, sent any number of times. Its bytes differ by language and so does their
    tag; the headers tell caches which requests it answers. `made_at` (time.time()) is when its facts were
    true."""

    def __init__(self, html: str) -> None:
        self._html = html
        self._cached = CachedResponse(stored_response(html.encode(), HTML), _CACHE_CONTROL)
        self._language = ((b"content-language", current_language().code.encode()), (b"vary", VARIES))
        self._stale: StalePage | None = None
        self.made_at = self._cached.stored.stored_at

    @property
    def age_seconds(self) -> float:
        return max(0.0, time.time() - self.made_at)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._cached.send(scope, send, self._language)

    def stale(self) -> StalePage:
        """The same page, which says that it may be out of date; in the page's own language, which has to
        be the request's."""
        if self._stale is None:
            self._stale = StalePage(self, self._html, self._language)
        return self._stale


class StalePage:
    """Sent while there is none fresher: marked by `Age` and `X-Stale: 1`, with a word to the reader, and
    for nobody to keep."""

    def __init__(self, page: Page, html: str, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        said = f'{_MAIN}\n<p class="notice stale-note" role="status">{escape(text("frame.stale"))}</p>'
        marked = html.replace(_MAIN, said, 1)
        self._page, self._headers = page, headers
        self._cached = CachedResponse(stored_response(marked.encode(), HTML), "no-store")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        age = str(int(self._page.age_seconds)).encode()
        await self._cached.send(scope, send, (*self._headers, (b"age", age), (b"x-stale", b"1")))


def page_response(html: str) -> Page:
    """200, or 304 when the browser's copy is the same page; gzipped when it may be."""
    return Page(html)


def private_page(html: str, status: int = 200, policy: str | None = None) -> HTMLResponse:
    """A page of one shopper's: no cache may keep it. `policy` replaces the content security policy."""
    headers = {
        "Cache-Control": "no-store",
        "Content-Language": current_language().code,
        "Referrer-Policy": "same-origin",
    }
    if policy is not None:
        headers["Content-Security-Policy"] = policy
    return HTMLResponse(html, status, headers)
