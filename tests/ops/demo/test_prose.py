"""Descriptions: complete sentences in the right number."""

import re

import pytest

from ops.demo.__main__ import SEED
from ops.demo.categories import grow
from ops.demo.products import Product, products
from ops.demo.prose import article, shortened
from ops.demo.vocabulary import departments


@pytest.fixture(scope="module")
def shop() -> list[Product]:
    return list(products(3000, SEED, grow(departments())))


def test_descriptions_have_40_to_200_words(shop: list[Product]) -> None:
    assert all(40 <= len(product.description.split()) <= 200 for product in shop)


def test_descriptions_are_sentences_without_gaps_or_placeholders(shop: list[Product]) -> None:
    for product in shop:
        assert not re.search(r"[{}]|  | \.|\.\.", product.description), product.description
        for paragraph in product.description.split("\n\n"):
            assert paragraph[0].isupper() or not paragraph[0].isascii() or paragraph[0].isdigit()
            assert paragraph.endswith(".")


def test_no_sentence_is_said_twice(shop: list[Product]) -> None:
    for product in shop:
        sentences = re.split(r"(?<=(?<!Co)\.)\s+", product.description)
        assert len(set(sentences)) == len(sentences)


def test_many_descriptions_differ(shop: list[Product]) -> None:
    assert len({product.description for product in shop}) > 0.99 * len(shop)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("oak", "an"),
        ("ribbed", "a"),
        ("unscented", "an"),
        ("one-handed", "a"),
        ("easy", "an"),
        ("heavy", "a"),
    ],
)
def test_articles_follow_the_sound(word: str, expected: str) -> None:
    assert article(word) == expected


def test_a_shortened_text_ends_with_a_whole_word() -> None:
    assert shortened("A mug for every day.\n\nMade in Portugal.", 16) == "A mug for every…"
    assert shortened("A mug.", 16) == "A mug."
