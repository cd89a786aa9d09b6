"""A line of an import, and the answer to all of them. A line is the whole truth about its product:
what it leaves out, the product has not."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from services.catalog.shapes import SLUG_LENGTH_MAX, Price
from services.decode import Input

# `(?!\n)$`: in Python `$` alone would let a line break pass, in PostgreSQL and JavaScript it does not.
SLUG = r"[a-z0-9]+(-[a-z0-9]+)*"
NewSlug = Annotated[str, Meta(max_length=SLUG_LENGTH_MAX, pattern=rf"^{SLUG}(?!\n)$", examples=["desk-lamp"])]
CategoryPath = Annotated[
    str,
    Meta(
        max_length=400,
        pattern=rf"^{SLUG}(/{SLUG}){{0,7}}(?!\n)$",
        examples=["lighting/desk-lamps"],
        description="Slugs from the top category down; those that are missing are created",
    ),
]
Sku = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}(?!\n)$", examples=["LAMP-1"])]
Attributes = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=60)], Annotated[str, Meta(max_length=200)]],
    Meta(max_length=50),
]


class GivenMoney(Input, frozen=True):
    """A price with its currency, which must be the shop's."""

    amount: Price
    currency: Annotated[str, Meta(min_length=3, max_length=3, description="ISO 4217 code")]


GivenPrice = GivenMoney | Price


class ImportImage(Input, frozen=True):
    """`url` is a path of this shop or an address with https."""

    url: Annotated[
        str, Meta(max_length=1000, pattern=r"^(https://|/)\S*(?!\n)$", examples=["/pictures/lamp/7.svg"])
    ]
    alt: Annotated[str, Meta(max_length=300)] = ""


class ImportSeo(Input, frozen=True):
    """What search engines are told; made from title and description where it is left out."""

    title: Annotated[str, Meta(max_length=200)] | None = None
    description: Annotated[str, Meta(max_length=500)] | None = None


class ImportVariant(Input, frozen=True):
    """Prices may be bare minor units too. `compare_at` is what it cost before. `initial_stock` counts
    only while the SKU never had stock."""

    sku: Sku
    price: Annotated[GivenPrice, Meta(examples=[{"amount": 1999, "currency": "EUR"}])]
    attributes: Attributes
    compare_at: Annotated[GivenPrice | None, Meta(examples=[{"amount": 2499, "currency": "EUR"}])] = None
    weight_grams: Annotated[int, Meta(ge=0, le=10_000_000)] = 0
    initial_stock: Annotated[int, Meta(ge=0, le=1_000_000_000)] | None = None


class ImportLine(Input, frozen=True):
    """One product, known by its slug. The first category is the main one; variants that the product
    had and this line has not are removed."""

    slug: NewSlug
    title: Annotated[str, Meta(max_length=200, pattern=r"\S")]
    brand: Annotated[str, Meta(max_length=200)]
    description: Annotated[str, Meta(max_length=20_000)]
    categories: Annotated[list[CategoryPath], Meta(max_length=20)]
    images: Annotated[list[ImportImage], Meta(max_length=50)]
    attributes: Attributes
    variants: Annotated[list[ImportVariant], Meta(min_length=1, max_length=1000)]
    seo: ImportSeo | None = None
    published: Annotated[bool, Meta(description="false takes the product out of the shop")] = True
    formerly: Annotated[
        list[NewSlug],
        Meta(
            max_length=20,
            examples=[["lamp"]],
            description="Slugs it had before. A product that still has one is renamed; "
            "the shop's pages lead from all of them to this one, for good",
        ),
    ] = []


class LineError(msgspec.Struct, frozen=True):
    """What was wrong with a line, numbered from 1; `field` is empty where it is the line as a whole."""

    line: int
    field: str
    message: str


class ImportReport(msgspec.Struct, frozen=True):
    """How many products were created, changed, or were so already. Lines with errors changed nothing;
    of more than 1,000 errors the rest is only counted."""

    created: int
    updated: int
    unchanged: int
    errors: list[LineError]
    errors_omitted: int = 0
