"""Templates into pages. All are compiled at start, so a broken one stops the process, not a shopper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from services.cached_response import CachedResponse, stored_response
from services.storefront.assets import Assets
from services.storefront.navigation import Tree

_FOLDER = Path(__file__).parent / "templates"
HTML = "text/html; charset=utf-8"
# Nobody keeps a page without asking whether it is still the same one.
_CACHE_CONTROL = "public, max-age=0, must-revalidate"


def _label(name: str) -> str:
    """An attribute's name for people: `seat_height` is `Seat height`."""
    words = name.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]


def _paragraphs(text: str) -> list[str]:
    return [paragraph.strip() for paragraph in text.split("\n\n") if paragraph.strip()]


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
        environment.globals |= {"store_name": store_name, "asset": assets.address}
        environment.filters |= {"label": _label, "paragraphs": _paragraphs}
        self._templates: dict[str, Template] = {
            name: environment.get_template(name) for name in environment.list_templates()
        }

    def html(
        self, name: str, tree: Tree, *, canonical: str | None = None, words: str = "", **facts: Any
    ) -> str:
        """`canonical` is the page's one absolute address (none: not to be indexed), `words` what
        stands in the search box."""
        template = self._templates[name]
        return template.render(categories=tree.top, canonical=canonical, words=words, **facts)


def page_response(html: str) -> CachedResponse:
    """200, or 304 when the browser's copy is the same page; gzipped when it may be."""
    return CachedResponse(stored_response(html.encode(), HTML), _CACHE_CONTROL)
