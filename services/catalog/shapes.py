"""What the catalog's API takes and answers, as types: they validate, encode and document."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from services.catalog.facet_shapes import Facets
from services.decode import Input
from services.money import Money

Availability = Literal["sold_out", "low", "in_stock"]
AVAILABILITY: tuple[Availability, ...] = ("sold_out", "low", "in_stock")  # by the number stored
SortName = Literal["relevance", "newest", "price", "-price", "name"]

SLUG_LENGTH_MAX = 200

Slug = Annotated[str, Meta(max_length=SLUG_LENGTH_MAX, examples=["desk-lamp"])]
Price = Annotated[int, Meta(ge=0, le=10**12, description="Minor units")]


class ListQuery(Input, frozen=True):
    """Parameters of the product list."""

    q: Annotated[str, Meta(max_length=200, description="Words to search for")] = ""
    category: Slug | None = None
    brand: Annotated[list[Annotated[str, Meta(max_length=200)]], Meta(max_length=20)] = []
    price_min: Price | None = None
    price_max: Price | None = None
    in_stock: bool = False
    attributes: Annotated[
        dict[
            Annotated[str, Meta(max_length=60)],
            Annotated[list[Annotated[str, Meta(max_length=200)]], Meta(max_length=20)],
        ],
        Meta(max_length=10, description="`attr.color=red`: values of one name are alternatives"),
    ] = msgspec.field(name="attr.", default_factory=dict)
    sort: Annotated[
        SortName | None, Meta(description="`relevance` with `q`, `newest` without, unless given")
    ] = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 24
    cursor: Annotated[str, Meta(max_length=2000, description="The `next_cursor` before")] | None = None
    facets: Annotated[
        list[Annotated[str, Meta(max_length=100)]],
        Meta(
            max_length=10,
            description="What to count choices of: any of `category`, `brand`, `price` and `attributes`, "
            "separated by commas or repeated",
            examples=["category,brand"],
        ),
    ] = []


class SuggestQuery(Input, frozen=True):
    q: Annotated[str, Meta(max_length=200, description="What has been typed so far")] = ""


class QuoteQuery(Input, frozen=True):
    sku: Annotated[
        list[Annotated[str, Meta(max_length=64)]],
        Meta(min_length=1, max_length=100, description="Repeatable"),
    ]


class Image(msgspec.Struct, frozen=True):
    url: str
    alt: str


class ProductCard(msgspec.Struct, frozen=True):
    """A product as a list shows it. `price` is the cheapest variant's."""

    slug: str
    title: str
    brand: str
    price: Money
    compare_at: Money | None
    image: Image | None
    availability: Availability


class ProductPage(msgspec.Struct, frozen=True):
    items: list[ProductCard]
    next_cursor: str | None
    facets: Facets = Facets()


class Variant(msgspec.Struct, frozen=True):
    sku: str
    price: Money
    compare_at: Money | None
    attributes: dict[str, str]
    availability: Availability


class CategoryLink(msgspec.Struct, frozen=True):
    slug: str
    name: str


class Seo(msgspec.Struct, frozen=True):
    title: str
    description: str


class Product(msgspec.Struct, frozen=True):
    """A product with everything its page needs. `categories` are paths from the root, main one first."""

    slug: str
    title: str
    brand: str
    price: Money
    compare_at: Money | None
    image: Image | None
    availability: Availability
    description: str
    attributes: dict[str, str]
    images: list[Image]
    categories: list[list[CategoryLink]]
    seo: Seo
    variants: list[Variant]


class Category(msgspec.Struct, frozen=True):
    slug: str
    name: str
    children: list[Category]


class CategoryTree(msgspec.Struct, frozen=True):
    items: list[Category]


class Suggestion(msgspec.Struct, frozen=True):
    """`path` leads to the storefront's page."""

    kind: Literal["product", "category"]
    text: str
    path: str
    image: Image | None


class Suggestions(msgspec.Struct, frozen=True):
    items: list[Suggestion]


class Quote(msgspec.Struct, frozen=True):
    """What a SKU is and costs at this moment. `attributes` are the variant's own, `image` is the
    product's first."""

    sku: str
    slug: str
    title: str
    attributes: dict[str, str]
    price: Money
    weight_grams: int
    image: Image | None


class Quotes(msgspec.Struct, frozen=True):
    """SKUs that no published product has are left out."""

    items: list[Quote]
