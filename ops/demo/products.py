"""The products themselves, one after the other: nothing is kept, however many are asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise

from ops.demo.brands import Brand, Makers, brands_wanted
from ops.demo.categories import Category, Path
from ops.demo.chance import Chance, spread
from ops.demo.images import Image, images_of
from ops.demo.prices import pricing
from ops.demo.prose import Subject, describe, in_a_sentence, sentence_case, shortened
from ops.demo.titles import Title, title_of
from ops.demo.variants import Axes, Variant, axes_of, colour_name, variants_of
from ops.demo.vocabulary import Department, Leaf, departments, names
from ops.demo.weights import weighed
from services.storefront.pictures.palette import COLOURS

ATTRIBUTES_MAX = 8
_UNPUBLISHED = 0.03
_SECOND_CATEGORY = 0.4
_DAYS = 730
# From 1,000 products on, a shop also has one in 400 variants, which a shop must survive: trousers
# made to measure, in 16 colours, 5 waists and 5 legs.
_SHOP_WITH_TO_MEASURE = 1000
_TO_MEASURE_PATH = ("Men", "Trousers")
_INCHES = ("30", "31", "32", "33", "34")


@dataclass(frozen=True, slots=True)
class Product:
    id: int
    slug: str
    title: str
    brand: str
    description: str
    attributes: dict[str, str]
    images: list[Image]
    seo_title: str
    seo_description: str
    popularity: int
    published_at: datetime | None
    category_ids: list[int]  # the main one first
    variants: list[Variant]


@dataclass(frozen=True, slots=True)
class Shelf:
    """A leaf with its place in the tree and the makers that fill it."""

    leaf: Leaf
    department: Department
    makers: Makers
    category_id: int
    also_id: int | None


def opening_day(seed: int) -> datetime:
    """The day the catalog looks back from: fixed by the seed, so that dates repeat too."""
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=seed % 180)


def products(count: int, seed: int, tree: dict[Path, Category]) -> Iterator[Product]:
    """`count` products, the same for the same seed, ids from 1. Neighbours come from different
    shelves, so every slice of the catalog is a mixture."""
    chance = Chance(seed)
    shelves = _shelves(count, tree, chance)
    ends = list(accumulate(_stock_up(shelves, count)))
    for index in range(count):
        place = spread(index, count, turn=seed % count)
        which = bisect_right(ends, place)
        first = ends[which - 1] if which else 0
        yield _product(index, count, seed, shelves[which], place - first, chance)


def _shelves(count: int, tree: dict[Path, Category], chance: Chance) -> list[Shelf]:
    shares = sum(department.share for department in departments())
    shelves = []
    for department in departments():
        wanted = max(1, round(brands_wanted(count) * department.share / shares))
        makers = Makers(department, names().families, wanted, chance)
        for leaf in department.leaf:
            also_id = tree[leaf.also].id if leaf.also else None
            shelves.append(Shelf(leaf, department, makers, tree[(department.name, *leaf.path)].id, also_id))
    return shelves


def _stock_up(shelves: list[Shelf], count: int) -> list[int]:
    """How many products go on each shelf: a few on every one, the rest by Zipf within a department."""
    least = min(3, count // (2 * len(shelves)))
    ranks: dict[str, int] = {}
    weights = []
    for shelf in shelves:
        ranks[shelf.department.name] = rank = ranks.get(shelf.department.name, 0) + 1
        weights.append(shelf.department.share / rank**0.75)
    sums = [0.0, *accumulate(weights)]
    rest = count - least * len(shelves)
    marks = [round(rest * total / sums[-1]) for total in sums]
    return [least + after - before for before, after in pairwise(marks)]


def _product(index: int, count: int, seed: int, shelf: Shelf, ordinal: int, chance: Chance) -> Product:
    leaf, brand = shelf.leaf, shelf.makers.pick(chance)
    to_measure = count >= _SHOP_WITH_TO_MEASURE and ordinal == 0 and leaf.path == _TO_MEASURE_PATH
    colour = chance.between(0, len(COLOURS) - 1)
    axes = _to_measure(colour) if to_measure else axes_of(leaf, colour, chance)
    title = title_of(leaf, ordinal, shelf.category_id * 997, chance)
    subject = Subject(title.line, title.noun, title.style, title.material, brand.name, brand.origin)
    description = describe(shelf.department, leaf, subject, chance)
    attributes = _attributes(shelf, title, brand, colour, axes, chance)
    product = Product(
        id=index + 1,
        slug=title.slug,
        title=title.text,
        brand=brand.name,
        description=description,
        attributes=attributes,
        images=images_of(title, leaf.coloured, colour, axes, chance),
        seo_title=f"{title.text} | {brand.name}",
        seo_description=shortened(description),
        popularity=_popularity(count, chance),
        published_at=_published_at(seed, chance) or (opening_day(seed) if to_measure else None),
        category_ids=_category_ids(shelf, chance),
        variants=variants_of(leaf, axes, index, pricing(leaf, brand.tier, chance), chance),
    )
    return replace(product, variants=weighed(product.variants, leaf, attributes, index))


def _to_measure(colour: int) -> Axes:
    order = (colour, *(number for number in range(len(COLOURS)) if number != colour))
    return {"colour": [colour_name(number) for number in order], "size": _INCHES, "length": _INCHES}


def _attributes(
    shelf: Shelf, title: Title, brand: Brand, colour: int, axes: Axes, chance: Chance
) -> dict[str, str]:
    """What all variants have in common: 3 to 8 facts, the telling ones first."""
    leaf = shelf.leaf
    found = {leaf.quality: sentence_case(in_a_sentence(title.material))}
    if leaf.coloured:
        found["colour"] = colour_name(colour)
    for name, values in leaf.attributes.items():
        found[name] = chance.pick(values) if name in leaf.axes else chance.skewed(values)
    found["origin"] = brand.origin
    found["care"] = sentence_case(chance.skewed(leaf.care_is or shelf.department.care))
    own = [(name, value) for name, value in found.items() if name not in axes]
    return dict(own[:ATTRIBUTES_MAX])


def _category_ids(shelf: Shelf, chance: Chance) -> list[int]:
    if shelf.also_id is None or not chance.maybe(_SECOND_CATEGORY):
        return [shelf.category_id]
    return [shelf.category_id, shelf.also_id]


def _popularity(count: int, chance: Chance) -> int:
    """Views, so to speak: the best has a hundred thousand, the thousandth four hundred."""
    rank = chance.share() * count
    views: float = 100_000 / (rank + 1) ** 0.8
    return round(views)


def _published_at(seed: int, chance: Chance) -> datetime | None:
    """Within two years of the opening day, the recent months a little fuller; None: not yet."""
    if chance.maybe(_UNPUBLISHED):
        return None
    return opening_day(seed) - timedelta(seconds=round(chance.share() ** 1.4 * _DAYS * 86_400))
