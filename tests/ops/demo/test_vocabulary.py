"""The words themselves: no shelf without a picture, no noun that says its adjective again."""

import re
from itertools import product

import pytest

from ops.demo.categories import grow
from ops.demo.slugs import slug_of
from ops.demo.vocabulary import Department, Leaf, departments, names
from services.storefront.pictures import MOTIFS

LEAVES = [
    pytest.param(department, leaf, id=slug_of(" ".join((department.name, *leaf.path))))
    for department in departments()
    for leaf in department.leaf
]


@pytest.mark.parametrize(("department", "leaf"), LEAVES)
def test_a_leaf_has_what_its_products_need(department: Department, leaf: Leaf) -> None:
    assert set(leaf.nouns.values()) <= set(MOTIFS)
    assert set(leaf.axes) - {"colour"} <= set(leaf.attributes)
    assert leaf.grams or leaf.attributes.keys() & {"weight", "size"}
    assert len(leaf.features) >= 4
    assert all(sentence.endswith(".") for sentence in (*leaf.features, *leaf.moments))
    assert len(set(leaf.materials + leaf.styles)) == len(leaf.materials + leaf.styles)


@pytest.mark.parametrize(("department", "leaf"), LEAVES)
def test_titles_say_no_word_twice(department: Department, leaf: Leaf) -> None:
    if leaf.titles:
        return
    for adjective, noun in product(leaf.materials + leaf.styles, leaf.nouns):
        assert not words_of(adjective) & words_of(noun), f"{adjective} {noun}"


def words_of(text: str) -> set[str]:
    return set(re.split(r"[ -]", text.lower()))


def test_the_tree_has_three_to_four_levels_and_its_own_slugs() -> None:
    tree = grow(departments())
    assert 150 <= len(tree) <= 190
    assert {len(path) for path in tree} == {1, 2, 3, 4}
    assert len({category.slug for category in tree.values()}) == len(tree)
    assert all(category.slug == slug_of(category.slug) for category in tree.values())


def test_second_categories_exist() -> None:
    tree = grow(departments())
    assert all(leaf.also in tree for department in departments() for leaf in department.leaf if leaf.also)


def test_lines_have_slugs_of_their_own() -> None:
    assert len({slug_of(line) for line in names().lines}) == len(names().lines)


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Tromsø wool jumper", "tromso-wool-jumper"),
        ("Łódź cardigan", "lodz-cardigan"),
        ("Käthe soap & co.", "kathe-soap-and-co"),
        ("Chef's knife", "chefs-knife"),
        ("Weiß Größe", "weiss-grosse"),
    ],
)
def test_slugs_are_plain_ascii(title: str, slug: str) -> None:
    assert slug_of(title) == slug
