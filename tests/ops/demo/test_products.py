"""The generated products: repeatable, believable, and shaped as they say."""

import re
from collections import Counter
from collections.abc import Callable
from functools import cache

import msgspec
import pytest

from ops.demo.__main__ import SEED
from ops.demo.categories import grow
from ops.demo.prices import ENDINGS_MINOR
from ops.demo.products import ATTRIBUTES_MAX, Product, opening_day, products
from ops.demo.variants import VARIANTS_MAX
from ops.demo.vocabulary import departments
from services.storefront.pictures import MOTIFS, draw
from services.storefront.pictures.palette import colour_of

SLUG = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")
SKU = re.compile(r"^KX-[0-9A-Z]{5}(-[A-Z0-9.]+)*$")
PICTURE = re.compile(r"^/pictures/([a-z]+)/(\d+)(?:-(\d))?\.svg$")


@cache
def made(count: int, seed: int = SEED) -> tuple[Product, ...]:
    return tuple(products(count, seed, grow(departments())))


@pytest.fixture(scope="module")
def shop() -> tuple[Product, ...]:
    return made(10_000)


def share(shop: tuple[Product, ...], holds: Callable[[Product], bool]) -> float:
    return sum(map(holds, shop)) / len(shop)


def units(product: Product) -> int:
    return sum(variant.available for variant in product.variants)


def test_the_same_seed_makes_the_same_products() -> None:
    first, again = (list(products(500, 7, grow(departments()))) for _ in range(2))
    assert msgspec.json.encode(first) == msgspec.json.encode(again)


def test_another_seed_makes_another_shop() -> None:
    assert made(500, 7) != made(500, 8)


@pytest.mark.parametrize("count", [1, 2, 13, 260])
def test_small_shops_have_as_many_products_as_asked_for(count: int) -> None:
    assert [product.id for product in made(count)] == list(range(1, count + 1))


def test_slugs_are_unique_and_fit_an_address(shop: tuple[Product, ...]) -> None:
    slugs = {product.slug for product in shop}
    assert len(slugs) == len(shop)
    assert all(SLUG.match(slug) for slug in slugs)


def test_skus_are_unique_and_short_enough(shop: tuple[Product, ...]) -> None:
    skus = [variant.sku for product in shop for variant in product.variants]
    assert len(set(skus)) == len(skus)
    assert all(SKU.match(sku) and len(sku) <= 64 for sku in skus)


def test_titles_seldom_repeat(shop: tuple[Product, ...]) -> None:
    assert len({product.title for product in shop}) > 0.98 * len(shop)


def test_prices_end_as_prices_do_and_discounts_are_real(shop: tuple[Product, ...]) -> None:
    for variant in (variant for product in shop for variant in product.variants):
        assert variant.price_minor > 0
        assert variant.price_minor % 100 in ENDINGS_MINOR
        assert variant.compare_at_minor is None or variant.compare_at_minor > variant.price_minor


def test_the_shares_are_those_of_a_real_shop(shop: tuple[Product, ...]) -> None:
    assert share(shop, lambda p: units(p) == 0) == pytest.approx(0.10, abs=0.015)
    assert share(shop, lambda p: 1 <= units(p) <= 5) == pytest.approx(0.05, abs=0.01)
    assert share(shop, lambda p: p.variants[0].compare_at_minor is not None) == pytest.approx(0.15, abs=0.015)
    assert share(shop, lambda p: p.published_at is None) == pytest.approx(0.03, abs=0.008)
    assert share(shop, lambda p: len(p.variants) == 1) == pytest.approx(0.60, abs=0.05)


def test_one_product_is_made_to_measure_and_the_others_have_at_most_sixty_variants(
    shop: tuple[Product, ...],
) -> None:
    counts = Counter(len(product.variants) for product in shop)
    assert counts.pop(400) == 1
    assert max(counts) <= VARIANTS_MAX


def test_variants_of_a_product_differ_in_every_axis_they_have(shop: tuple[Product, ...]) -> None:
    for product in shop:
        choices = [tuple(variant.attributes.items()) for variant in product.variants]
        assert len(set(choices)) == len(choices)
        assert not set(product.attributes) & set(product.variants[0].attributes)


def test_products_have_three_to_eight_attributes(shop: tuple[Product, ...]) -> None:
    for product in shop:
        assert len(product.attributes) + len(product.variants[0].attributes) >= 3
        assert len(product.attributes) <= ATTRIBUTES_MAX


def test_few_brands_and_categories_hold_much_of_the_shop(shop: tuple[Product, ...]) -> None:
    for keys in ((p.brand for p in shop), (str(p.category_ids[0]) for p in shop)):
        counts = sorted(Counter(keys).values(), reverse=True)
        fifth = counts[: len(counts) // 5]
        assert 0.35 < sum(fifth) / len(shop) < 0.85


def test_a_thousand_products_leave_no_shelf_empty() -> None:
    shop = made(1000)
    leaves = sum(len(department.leaf) for department in departments())
    counts = Counter(product.category_ids[0] for product in shop if product.published_at)
    assert len(counts) == leaves
    assert 90 <= len({product.brand for product in shop}) <= 150


def test_neighbours_come_from_different_departments() -> None:
    """So that any page of the shop shows a variety."""
    tree = {category.id: path[0] for path, category in grow(departments()).items()}
    of_page = [tree[product.category_ids[0]] for product in made(1000)[:24]]
    assert len(set(of_page)) >= 7


def test_names_are_not_only_ascii(shop: tuple[Product, ...]) -> None:
    assert share(shop, lambda p: not p.title.isascii()) > 0.2
    assert share(shop, lambda p: not p.brand.isascii()) > 0.2


def test_products_came_into_the_shop_within_the_last_two_years(shop: tuple[Product, ...]) -> None:
    ages = [(opening_day(SEED) - p.published_at).days for p in shop if p.published_at]
    assert min(ages) >= 0
    assert 700 < max(ages) <= 730


def test_every_picture_can_be_drawn(shop: tuple[Product, ...]) -> None:
    for product in shop:
        assert 1 <= len(product.images) <= 8
        assert len({image["url"] for image in product.images}) == len(product.images)
        assert all(PICTURE.match(image["url"]) and image["alt"] for image in product.images)
    found = PICTURE.match(shop[0].images[0]["url"])
    assert found
    assert draw(found[1], int(found[2])).startswith("<svg")


def test_every_motif_is_in_the_shop(shop: tuple[Product, ...]) -> None:
    shown = {product.images[0]["url"].split("/")[2] for product in shop}
    assert shown == set(MOTIFS)


def test_the_picture_has_the_colour_of_the_first_variant(shop: tuple[Product, ...]) -> None:
    product = next(product for product in shop if "colour" in product.variants[0].attributes)
    seed = int(product.images[0]["url"].split("/")[-1].removesuffix(".svg"))
    assert product.variants[0].attributes["colour"].lower() == colour_of(seed).name
