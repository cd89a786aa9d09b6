"""Facets: the part of a list's statement that counts them. How its cost is bounded: facets.sql."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from services.catalog.facet_shapes import FACET_NAMES, FacetName
from services.catalog.price_bands import EDGES
from services.catalog.shapes import ListQuery
from services.catalog.statement import Statement
from services.errors import FieldError, Invalid
from services.queries import load_queries

_SQL = load_queries(__file__, "facets.sql")

PRODUCTS_MAX = 2000  # that one walk counts
VALUES_MAX = 30  # listed per facet, besides those selected
ATTRIBUTES_MAX = 12
# Facets by number, where they may have a filter of their own. Attribute n of the query is 2 + n.
BRAND, PRICE, BEFORE_ATTRIBUTES = 1, 2, 2
_ANY_PRICE = 2**63 - 1


@dataclass(slots=True)
class _Finding:
    """What finds the products to count, and what they must pass."""

    drivers: list[tuple[int, str]] = field(default_factory=list)  # facet whose filter it is, or 0; SELECT
    filters: list[tuple[int, str]] = field(default_factory=list)  # facet, test: one may fail
    tests: list[str] = field(default_factory=list)  # none may fail

    def choose(self, facet: int, driver: str, test: str, *, asked: bool) -> None:
        """A facet's own filter. When the facet is not asked for, nobody counts without the filter."""
        self.drivers.append((facet if asked else 0, driver))
        self.filters.append((facet, test))

    def narrow(self, driver: str, test: str) -> None:
        """A filter that all facets share; what its own driver finds is not tested again."""
        self.drivers.append((0, driver))
        self.tests.append(f"(c.driver = {len(self.drivers)} OR {test})")


def asked_facets(query: ListQuery) -> list[FacetName]:
    """The names in `facets`, separated by commas or repeated, in one order. Raises Invalid."""
    given = {name.strip() for part in query.facets for name in part.split(",")} - {""}
    if unknown := sorted(given.difference(FACET_NAMES)):
        known = f"{', '.join(FACET_NAMES[:-1])} and {FACET_NAMES[-1]}"
        raise Invalid([FieldError("facets", f"there are {known}, not {', '.join(unknown)}")])
    return [name for name in FACET_NAMES if name in given]


def beside_page(page: str, statement: Statement, query: ListQuery, asked: Collection[FacetName]) -> str:
    """The statement of a page with a column `facets` in its first row, the JSON of
    `facet_counts.Counted`: one round trip for both. Adds to the page's own arguments."""
    finding = _finding(statement, query, asked)
    parts = [
        *(
            f"driver_{n} AS MATERIALIZED ({text} LIMIT {PRODUCTS_MAX + 1})"
            for n, (_, text) in enumerate(finding.drivers, 1)
        ),
        _walks(finding),
        _counted_products(finding),
        f"counted AS MATERIALIZED (SELECT json_build_object({_counts(statement, finding, query, asked)})"
        "::text AS facets)",
    ]
    return _SQL["beside_page"].format(facets=",\n".join(parts), page=page)


def _finding(statement: Statement, query: ListQuery, asked: Collection[FacetName]) -> _Finding:
    """The filters in the order in which drivers of the same size are taken."""
    finding, bind, category = _Finding(), statement.bind, query.category
    if query.brand:
        test = bind("p.brand = ANY ({0})", query.brand)
        finding.choose(BRAND, bind(_SQL["driver_brand"], query.brand), test, asked="brand" in asked)
    if has_price(query):
        prices = (query.price_min or 0, _ANY_PRICE if query.price_max is None else query.price_max)
        driver = (
            bind(_SQL["driver_price"], *prices)
            if category is None
            else bind(_SQL["driver_price_in_category"], category, *prices)
        )
        test = bind("p.price_minor BETWEEN {0} AND {1}", *prices)
        finding.choose(PRICE, driver, test, asked="price" in asked)
    for number, terms in enumerate(selected_terms(query).values(), BEFORE_ATTRIBUTES + 1):
        test = bind("p.attribute_terms && {0}::text[]", terms)
        finding.choose(number, bind(_SQL["driver_attribute"], terms), test, asked="attributes" in asked)
    if query.q.strip():
        finding.narrow(bind(_SQL["driver_words"], query.q), bind(_SQL["holds_words"], query.q))
    if category is not None:
        finding.narrow(bind(_SQL["driver_category"], category), bind(_SQL["lies_in_category"], category))
    if query.in_stock:
        finding.tests.append("p.availability > 0")
    finding.drivers.append((0, _SQL["driver_all"]))
    return finding


def has_price(query: ListQuery) -> bool:
    return query.price_min is not None or query.price_max is not None


def selected_terms(query: ListQuery) -> dict[str, list[str]]:
    """What is selected of each attribute, as `attribute_terms` spells it."""
    return {name: [f"{name}={value}" for value in values] for name, values in query.attributes.items()}


def _walks(finding: _Finding) -> str:
    last = len(finding.drivers)
    sizes = [f"({n}, {facet}, {_size_of(n)})" for n, (facet, _) in enumerate(finding.drivers[:-1], 1)]
    sizes.append(f"({last}, 0, {PRODUCTS_MAX + 2}::bigint)")  # the whole shop is never the smallest
    return _SQL["walks"].format(sizes=", ".join(sizes))


def _counted_products(finding: _Finding) -> str:
    candidates = [
        _SQL["candidates"].format(driver=n, bound=PRODUCTS_MAX) for n in range(1, len(finding.drivers) + 1)
    ]
    failed = " ".join(f"WHEN NOT ({test}) THEN {facet}" for facet, test in finding.filters)
    return _SQL["counted_products"].format(
        candidates="\nUNION ALL\n".join(candidates),
        failed=f"CASE {failed} ELSE 0 END" if failed else "0",
        fails=" + ".join(f"(NOT ({test}))::int" for _, test in finding.filters) or "0",
        conditions=" AND ".join(finding.tests) or "true",
    )


def _counts(statement: Statement, finding: _Finding, query: ListQuery, asked: Collection[FacetName]) -> str:
    """The members of the JSON: a subquery for each figure."""
    bind, seen = statement.bind, {facet: _SQL["seen_by"].format(facet=facet) for facet in (BRAND, PRICE)}
    members = {
        "best_facet": "SELECT facet FROM best",
        "truncated": f"SELECT json_build_array({_truncated(finding, 1)}, {_truncated(finding, 2)})",
        "total": _SQL["count_total"],
    }
    if "category" in asked:
        category = bind("{0}::text", query.category)
        members["category_name"] = _SQL["name_category"].format(category=category)
        members["categories"] = _SQL["count_categories"].format(category=category)
    if "brand" in asked:
        members["brands"] = _SQL["count_brands"].format(
            seen=seen[BRAND], values_max=VALUES_MAX, selected=bind("{0}", query.brand)
        )
    if "price" in asked:
        members["price_steps"] = _SQL["count_prices"].format(seen=seen[PRICE], edges=bind("{0}", EDGES))
        members["price_range"] = _SQL["count_price_range"].format(seen=seen[PRICE])
    if "attributes" in asked:
        terms = selected_terms(query)
        members["attributes"] = _SQL["count_attributes"].format(
            names=bind("{0}", list(terms)),
            selected=bind("{0}", [term for of_one in terms.values() for term in of_one]),
            before=BEFORE_ATTRIBUTES,
            values_max=VALUES_MAX,
            names_max=ATTRIBUTES_MAX,
        )
    return ",\n".join(f"'{name}', ({text})" for name, text in members.items())


def _truncated(finding: _Finding, walk: int) -> str:
    sizes = " ".join(f"WHEN {n} THEN {_size_of(n)}" for n in range(1, len(finding.drivers) + 1))
    return _SQL["is_truncated"].format(walk=walk, sizes=sizes, bound=PRODUCTS_MAX)


def _size_of(driver: int) -> str:
    return _SQL["size_of_driver"].format(driver=driver)
