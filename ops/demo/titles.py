"""Titles: the name of a line, what it is made of or how it looks, and what it is."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from ops.demo.chance import Chance, spread
from ops.demo.prose import sentence_case
from ops.demo.slugs import slug_of
from ops.demo.vocabulary import Leaf, names

_BARE = 0.06  # titles that leave the middle out, a few of which then meet


@dataclass(frozen=True, slots=True)
class Title:
    text: str
    slug: str
    line: str
    noun: str
    motif: str
    style: str
    material: str


def title_of(leaf: Leaf, ordinal: int, turn: int, chance: Chance) -> Title:
    """The title of the leaf's product number `ordinal`; leaves begin at a `turn` of their own. All
    combinations are used once before one comes again with a number in its slug, so slugs are
    unique without remembering any."""
    nouns = tuple(leaf.nouns)
    middles = (*leaf.materials, *leaf.styles)
    lists = leaf.titles or (names().lines, middles, nouns)
    *parts, again = _combination([len(words) for words in lists], ordinal, turn)
    words = [options[part] for options, part in zip(lists, parts, strict=True)]
    noun = chance.skewed(nouns) if leaf.titles else words[2]
    material, style = chance.skewed(leaf.materials), chance.skewed(leaf.styles)
    if not leaf.titles:
        material, style = _as_titled(leaf, words[1], material, style)
    text = _text(words, bool(leaf.titles), chance)
    slug = slug_of(" ".join([*words, leaf.tag, str(again + 1) if again else ""]))
    line = text if leaf.titles else words[0]
    return Title(sentence_case(text), slug, line, noun, leaf.nouns[noun], style, material)


def _combination(sizes: list[int], ordinal: int, turn: int) -> list[int]:
    """The `ordinal`-th of all combinations, scattered; last, how often they have all been used."""
    again, index = divmod(ordinal, prod(sizes))
    rest, parts = spread(index, prod(sizes), turn), []
    for size in sizes:
        rest, part = divmod(rest, size)
        parts.append(part)
    return [*parts, again]


def _as_titled(leaf: Leaf, middle: str, material: str, style: str) -> tuple[str, str]:
    return (middle, style) if middle in leaf.materials else (material, middle)


def _text(words: list[str], complete: bool, chance: Chance) -> str:
    if complete:
        return " ".join(word for word in words if word)
    line, middle, noun = words
    return f"{line} {noun}" if chance.maybe(_BARE) else f"{line} {middle} {noun}"
