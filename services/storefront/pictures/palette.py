"""The colours of the shop's pictures: sixteen for things, eleven grounds for them to stand on.

A seed names its colour: `COLOURS[seed % 16]`. So whoever makes a seed can make a navy mug navy.
Every colour lists the grounds that flatter it and the two colours it is trimmed with.
"""

from __future__ import annotations

from dataclasses import dataclass

INK = "#2b2a33"
PAPER = "#fbf8f2"
BRASS = "#d3a74f"
STEEL = "#c3c9cf"
GRAPHITE = "#4b4f58"
LEAF = "#4f8a63"
DEEP_LEAF = "#2f6a4d"


@dataclass(frozen=True)
class Ground:
    """A backdrop: the wall, the floor in front of it, and the shape that may rise between them."""

    wall: str
    floor: str
    shape: str


GROUNDS: dict[str, Ground] = {
    "linen": Ground("#f4ede2", "#e9dfce", "#ecd9bd"),
    "blush": Ground("#f8e6df", "#efd4ca", "#f3c9b8"),
    "mist": Ground("#e6eef2", "#d5e1e8", "#c6dae4"),
    "moss": Ground("#e6ecdf", "#d6dfcb", "#c5d6b8"),
    "butter": Ground("#fbf0d2", "#f3e3b4", "#f6d88e"),
    "lilac": Ground("#eee9f4", "#dfd6ea", "#d5c6e6"),
    "clay": Ground("#f1dfd1", "#e5cbb7", "#e2b698"),
    "stone": Ground("#eeedea", "#e0deda", "#d5d2cc"),
    "pine": Ground("#2c5148", "#25453d", "#3a6458"),
    "dusk": Ground("#35415f", "#2d3752", "#465576"),
    "rust": Ground("#c4694a", "#b35c3f", "#d27d5e"),
}


@dataclass(frozen=True)
class Colour:
    """A colour a thing can have, and the company it likes."""

    name: str
    hex: str
    grounds: tuple[str, ...]
    trims: tuple[str, str]


COLOURS: tuple[Colour, ...] = (
    Colour("chalk", "#f6f2ea", ("clay", "pine", "dusk", "mist", "rust", "lilac"), ("#c9694a", "#27365a")),
    Colour("oat", "#e0cba6", ("moss", "mist", "pine", "stone", "lilac"), ("#7b5137", "#2f5941")),
    Colour("stone", "#aba69c", ("linen", "butter", "blush", "mist"), ("#f6f2ea", "#3b3d44")),
    Colour("charcoal", "#44464e", ("stone", "linen", "butter", "blush", "mist"), ("#e3ab3f", "#e6e0d6")),
    Colour("black", "#26262c", ("linen", "stone", "clay", "butter"), ("#d3a74f", "#f6f2ea")),
    Colour("navy", "#2b3d69", ("blush", "linen", "mist", "butter", "clay"), ("#f6f2ea", "#e3ab3f")),
    Colour("sky", "#8db7d8", ("linen", "butter", "blush", "dusk"), ("#f6f2ea", "#27365a")),
    Colour("teal", "#2a7476", ("blush", "linen", "butter", "clay", "mist"), ("#f2c7a8", "#f6f2ea")),
    Colour("sage", "#9fb89b", ("linen", "blush", "clay", "butter", "pine"), ("#f6f2ea", "#2f5941")),
    Colour("forest", "#356149", ("moss", "linen", "blush", "clay"), ("#e3c58f", "#f6f2ea")),
    Colour("mustard", "#e5ae43", ("mist", "linen", "dusk", "lilac", "moss"), ("#f6f2ea", "#44464e")),
    Colour("terracotta", "#cd7150", ("linen", "moss", "mist", "butter", "dusk"), ("#f6e3d0", "#7a3b2b")),
    Colour("tomato", "#d4503f", ("blush", "mist", "linen", "stone", "butter"), ("#f6f2ea", "#27365a")),
    Colour("rose", "#e6aea7", ("linen", "moss", "pine", "lilac", "dusk"), ("#f6f2ea", "#9c4a4c")),
    Colour("plum", "#71446a", ("lilac", "blush", "linen", "moss"), ("#e6b8c0", "#e3ab3f")),
    Colour("walnut", "#82583d", ("linen", "mist", "moss", "stone", "butter"), ("#e6cfa9", "#f6f2ea")),
)

WOODS: tuple[str, ...] = ("#d9ad78", "#c8935c", "#a87145", "#82583d")


def colour_of(seed: int) -> Colour:
    return COLOURS[seed % len(COLOURS)]
