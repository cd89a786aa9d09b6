"""The words the catalog is made of, read from `words/` and checked as they are read."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

WORDS = Path(__file__).parent / "words"

# In the order of the shop's navigation.
DEPARTMENTS = (
    "home",
    "kitchen",
    "bath",
    "clothing",
    "shoes",
    "electronics",
    "outdoors",
    "books",
    "food",
    "toys",
)


class Leaf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A category that holds products, and everything that tells its products apart."""

    path: tuple[str, ...]  # below the department
    nouns: dict[str, str]  # what its products are, and the motif of the picture
    materials: tuple[str, ...]  # or whatever `quality` says tells them apart, most common first
    styles: tuple[str, ...]
    features: tuple[str, ...]  # whole sentences
    price: tuple[float, float]  # median in the shop's currency, sigma of its lognormal spread
    attributes: dict[
        str, tuple[str, ...]
    ]  # the values of an axis in their natural order, others by frequency
    grams: int = 0  # what its middle value weighs, where no attribute states a weight
    choice: float = 0.0  # share of products with several variants
    axes: dict[str, float] = {}  # what variants differ in, and how much a step of it adds to the price
    quality: str = "material"
    plural: bool = False
    coloured: bool = True
    titles: tuple[tuple[str, ...], ...] = ()  # parts of titles, for things with names of their own
    tag: str = ""  # ends the slug where the same words are used in several categories
    also: tuple[str, ...] = ()  # a second category, with its department, for some of the products
    like: str = ""  # the leaf above from which everything unsaid is taken
    moments: tuple[str, ...] = ()
    care_is: tuple[str, ...] = ()


class Department(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A top category with the brands that work in it."""

    name: str
    share: int  # of the products, compared with the other departments
    crafts: tuple[str, ...]  # what families add to their name to make a brand
    brands: tuple[str, ...]
    origins: tuple[str, ...]
    moments: tuple[str, ...]
    care: tuple[str, ...]
    leaf: tuple[Leaf, ...]
    closings: tuple[str, ...] = ()


class Names(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    lines: tuple[str, ...]
    families: tuple[str, ...]


class Phrases(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    openings_material: tuple[str, ...]
    openings_other: tuple[str, ...]
    closings: tuple[str, ...]


@cache
def departments() -> tuple[Department, ...]:
    return tuple(_department(name) for name in DEPARTMENTS)


@cache
def names() -> Names:
    return msgspec.convert(_read("names"), Names)


@cache
def phrases() -> Phrases:
    return msgspec.convert(_read("phrases"), Phrases)


def _department(name: str) -> Department:
    raw = _read(f"departments/{name}")
    leaves: dict[str, dict[str, Any]] = {}
    for leaf in raw["leaf"]:
        whole = {**leaves.get(leaf.get("like", ""), {}), **leaf}
        leaves[" / ".join(leaf["path"])] = {**whole, "attributes": _capitalised(whole["attributes"])}
    return msgspec.convert({**raw, "leaf": list(leaves.values())}, Department)


def _capitalised(attributes: dict[str, list[str]]) -> dict[str, list[str]]:
    """Values as a shopper reads them in a filter."""
    return {name: [value[:1].upper() + value[1:] for value in values] for name, values in attributes.items()}


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((WORDS / f"{name}.toml").read_text(encoding="utf-8"))
