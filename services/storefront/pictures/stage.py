"""Where a thing is shown: the backdrop behind it, and the views of one product.

Each view draws the same thing again, so a product's pictures agree: only the ground, the
distance and the side it is seen from change.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from services.storefront.pictures.palette import GROUNDS, Ground, colour_of
from services.storefront.pictures.sketch import FLOOR, Sketch, Thing, circle, moved, path, rect

VIEWS = 6

Backdrop = Callable[[Random, Ground], str]


def compose(thing: Thing, seed: int, view: int) -> str:
    """The inside of the picture. Views past the last begin again on the next ground."""
    grounds = colour_of(seed).grounds
    ground = GROUNDS[grounds[(seed // 16 + view) % len(grounds)]]
    sketch = Sketch(seed, ground)
    drawn = moved(thing.draw(sketch), _enlarged(thing))
    arrange = (_front, _close, _turned, _pair, _detail, _small)[view % VIEWS]
    chance = Random(seed + view)  # noqa: S311 - it has to repeat
    return _backdrop(chance, thing, ground) + arrange(thing, drawn)


def _enlarged(thing: Thing) -> str:
    """Things that stand grow from the floor, others from the middle."""
    y = FLOOR if thing.stands else 300
    return f"translate({300 - 300 * thing.size:g} {y - y * thing.size:g}) scale({thing.size:g})"


def _front(_thing: Thing, drawn: str) -> str:
    return drawn


def _close(thing: Thing, drawn: str) -> str:
    y = -180 if thing.stands else -150
    return moved(drawn, f"translate(-190 {y}) scale(1.6)")


def _turned(_thing: Thing, drawn: str) -> str:
    return moved(drawn, "translate(600 0) scale(-1 1)")


def _pair(thing: Thing, drawn: str) -> str:
    y = FLOOR - 0.62 * FLOOR
    if thing.stands:
        return moved(drawn, f"translate(-20 {y - 22:g}) scale(.62)") + moved(
            drawn, "translate(190 120) scale(.75)"
        )
    return moved(drawn, "translate(-30 20) scale(.62)") + moved(drawn, "translate(225 225) scale(.62)")


def _detail(thing: Thing, drawn: str) -> str:
    y = -560 if thing.stands else -420
    return moved(drawn, f"translate(-420 {y}) scale(2.4)")


def _small(thing: Thing, drawn: str) -> str:
    y = FLOOR * 0.3 if thing.stands else 90
    return moved(drawn, f"translate(90 {y:g}) scale(.7)")


def _backdrop(chance: Random, thing: Thing, ground: Ground) -> str:
    """Wall and floor for what stands; one calm surface for what lies or hangs."""
    choices: tuple[Backdrop, ...]
    choices = (_plain, _plain, _round, _arch, _sun) if thing.stands else (_plain, _round, _sun, _corner)
    shape = choices[int(chance.random() * len(choices))](chance, ground)
    wall = rect(0, 0, 600, 600, ground.wall)
    if not thing.stands:
        return wall + shape
    edge = FLOOR - (46, 60, 74)[int(chance.random() * 3)]
    return wall + shape + rect(0, edge, 600, 600 - edge, ground.floor)


def _plain(_chance: Random, _ground: Ground) -> str:
    return ""


def _round(chance: Random, ground: Ground) -> str:
    return circle(300, 290, 216 + round(chance.random() * 24), ground.shape)


def _arch(chance: Random, ground: Ground) -> str:
    half = 190 + round(chance.random() * 30)
    return path(f"M{300 - half} 600V{90 + half}a{half} {half} 0 0 1 {2 * half} 0V600z", ground.shape)


def _sun(chance: Random, _ground: Ground) -> str:
    """Light through a window, falling across the wall."""
    x = round(chance.random() * 180) - 60
    panes = "".join(f"M{x + at} 0h150l180 600h-150z" for at in (0, 190))
    return f'<path d="{panes}" fill="#fff" fill-opacity=".16"/>'


def _corner(chance: Random, ground: Ground) -> str:
    top, left = 160 + round(chance.random() * 140), 140 + round(chance.random() * 180)
    return path(f"M600 {top}V600H{left}z", ground.shape)
