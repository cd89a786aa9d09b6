"""Descriptions: sentences that agree with their product, none said twice."""

from __future__ import annotations

from dataclasses import dataclass

from ops.demo.chance import Chance
from ops.demo.vocabulary import Department, Leaf, phrases

_LIKE_A_CONSONANT = ("one", "uni", "use", "eu")
_SEO_LENGTH = 155


@dataclass(frozen=True, slots=True)
class Subject:
    """The product as its description speaks of it."""

    line: str
    noun: str
    style: str
    material: str
    brand: str
    origin: str


def describe(department: Department, leaf: Leaf, subject: Subject, chance: Chance) -> str:
    """40 to 200 words in two paragraphs: what it is, then how it lives with you."""
    words = _agreeing(leaf, subject)
    openings = phrases().openings_material if leaf.quality == "material" else phrases().openings_other
    first = [chance.pick(openings), *chance.some(leaf.features, chance.between(3, 4))]
    moments = leaf.moments or department.moments
    closings = department.closings or phrases().closings
    second = [
        *chance.some(moments, chance.between(1, 2)),
        "Made in {origin}.",
        *chance.some(closings, chance.between(1, 2)),
    ]
    return "\n\n".join(" ".join(_said(sentence, words) for sentence in part) for part in (first, second))


def _said(sentence: str, words: dict[str, str]) -> str:
    """A brand that ends in `Co.` lends its full stop to the sentence."""
    return sentence.format_map(words).replace("..", ".")


def _agreeing(leaf: Leaf, subject: Subject) -> dict[str, str]:
    """The words a sentence may ask for, in the number of the noun."""
    one = not leaf.plural
    a_style = f"{article(subject.style)} {subject.style}" if one else subject.style
    material = in_a_sentence(subject.material)
    return {
        "line": subject.line,
        "noun": subject.noun,
        "brand": subject.brand,
        "origin": f"the {subject.origin}" if subject.origin.startswith("United") else subject.origin,
        "material": material,
        "Material": sentence_case(material),
        "a_style": a_style,
        "A_style": sentence_case(a_style),
        "this": "this" if one else "these",
        "This": "This" if one else "These",
        "is": "is" if one else "are",
        "has": "has" if one else "have",
        "do": "does" if one else "do",
        "it": "it" if one else "they",
        "them": "it" if one else "them",
    }


def article(word: str) -> str:
    sounds_open = word[0].lower() in "aeiouåäöøéæ" and not word.lower().startswith(_LIKE_A_CONSONANT)
    return "an" if sounds_open else "a"


def in_a_sentence(material: str) -> str:
    """`cast-iron` stands before a noun, `cast iron` stands alone."""
    return material if " " in material else material.replace("-", " ")


def sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]


def shortened(text: str, length: int = _SEO_LENGTH) -> str:
    """The first whole words, for a search engine's result."""
    flat = " ".join(text.split())
    return flat if len(flat) <= length else flat[:length].rsplit(" ", 1)[0].rstrip(".,;:") + "…"
