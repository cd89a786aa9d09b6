"""Whatever a title or a query holds is shown as text, never obeyed as markup or as a template."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import asyncpg
import httpx
import pytest

from tests.storefront.conftest import AddProduct

TEXTS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></textarea><svg/onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "&lt;script&gt; &amp;",
]


class Page(HTMLParser):
    """What a browser would make of it: elements, attributes, text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []  # addresses, and what stands between the tags
        self.facts: list[str] = []  # what only looks like a script: data for search engines
        self._in_facts = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        is_own_sign = tag == "svg" and ("aria-hidden", "true") in attrs
        self.tags.add("sign" if is_own_sign else tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self._in_facts = tag == "script" and dict(attrs).get("type") == "application/ld+json"
        if tag == "script" and not self._in_facts:
            self.scripts.append(dict(attrs).get("src") or "")

    def handle_data(self, data: str) -> None:
        inside_script = self.cdata_elem == "script"
        scripts = self.facts if self._in_facts else self.scripts
        (scripts if inside_script else self.texts).append(data.strip())

    @property
    def is_harmless(self) -> bool:
        """Whether it runs nothing but our own files."""
        return (
            not self.tags & {"style", "svg", "iframe", "textarea"}
            and not [name for name, _ in self.attributes if name.startswith("on")]
            and all(source.startswith("/assets/") for source in self.scripts)
        )


@pytest.mark.parametrize("text", TEXTS)
async def test_markup_in_data_and_queries_is_only_text(
    text: str, shop: httpx.AsyncClient, add_product: AddProduct, owner: asyncpg.Connection
) -> None:
    product_id = await add_product("thing", title=text, brand=text, description=text)
    await owner.execute(
        """
        UPDATE catalog.product_details SET attributes = jsonb_build_object($2::text, $2::text),
               seo_title = $2, seo_description = $2 WHERE product_id = $1
        """,
        product_id,
        text,
    )
    everywhere = dict.fromkeys(("q", "brand", "category", "price_from", "sort", "in_stock"), text)
    asked = [("/", {}), ("/products/thing", {}), ("/search", everywhere), ("/search", {"q": text})]
    for path, query in asked:
        answer = await shop.get(path, params=query)
        assert answer.status_code in (200, 422)
        page = Page(answer.text)
        assert page.is_harmless
        assert not [value for name, value in page.attributes if name == "href" and text in value]
        if path == "/search":
            assert ("value", text) in page.attributes, "the words are kept as they were typed"
        else:
            assert text in page.texts
        if path.startswith("/products/"):
            assert json.loads(page.facts[0])["name"] == text, (
                "facts say the same, and nothing gets out of them"
            )
