"""What every picture is drawn with: plain shapes, one light, and chance that follows the seed.

The page is 600 by 600, the floor's edge at `FLOOR`. Light comes from the upper left: the right
side of a thing is its shade. Colours are presentation attributes, so the pictures need nothing
from a Content-Security-Policy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from services.storefront.pictures import palette

FLOOR = 480

Choice = TypeVar("Choice")


def path(d: str, fill: str) -> str:
    return f'<path d="{d}" fill="{fill}"/>'


def rect(x: float, y: float, width: float, height: float, fill: str, radius: float = 0) -> str:
    rounded = f' rx="{radius:g}"' if radius else ""
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"{rounded} fill="{fill}"/>'


def circle(x: float, y: float, radius: float, fill: str) -> str:
    return f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{fill}"/>'


def ellipse(x: float, y: float, rx: float, ry: float, fill: str) -> str:
    return f'<ellipse cx="{x:g}" cy="{y:g}" rx="{rx:g}" ry="{ry:g}" fill="{fill}"/>'


def line(d: str, colour: str, width: float) -> str:
    """A stroke with round ends along `d`."""
    return (
        f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{width:g}"'
        ' stroke-linecap="round" stroke-linejoin="round"/>'
    )


def moved(content: str, transform: str) -> str:
    return f'<g transform="{transform}">{content}</g>'


def faded(content: str, opacity: float) -> str:
    return f'<g opacity="{opacity:g}">{content}</g>'


def shade(d: str, opacity: float = 0.14) -> str:
    """The side away from the light."""
    return f'<path d="{d}" fill="#1c1430" fill-opacity="{opacity:g}"/>'


def glow(d: str, opacity: float = 0.3) -> str:
    """The side towards the light."""
    return f'<path d="{d}" fill="#fff" fill-opacity="{opacity:g}"/>'


def dimmed(colour: str) -> str:
    """The same colour on the side away from the light."""
    return "#" + "".join(f"{int(colour[at : at + 2], 16) * 4 // 5:02x}" for at in (1, 3, 5))


def box(x: float, y: float, width: float, height: float, radius: float = 0) -> str:
    """The outline of a rounded rectangle, for `Sketch.solid`."""
    r = min(radius, width / 2, height / 2)
    return (
        f"M{x + r:g} {y:g}h{width - 2 * r:g}a{r:g} {r:g} 0 0 1 {r:g} {r:g}v{height - 2 * r:g}"
        f"a{r:g} {r:g} 0 0 1 {-r:g} {r:g}h{2 * r - width:g}a{r:g} {r:g} 0 0 1 {-r:g} {-r:g}"
        f"v{2 * r - height:g}a{r:g} {r:g} 0 0 1 {r:g} {-r:g}z"
    )


def disc(x: float, y: float, radius: float) -> str:
    """The outline of a circle, for `Sketch.solid`."""
    half = f"a{radius:g} {radius:g} 0 1 1"
    return f"M{x - radius:g} {y:g}{half} {2 * radius:g} 0{half} {-2 * radius:g} 0z"


@dataclass(frozen=True)
class Thing:
    """How one motif is drawn, whether it stands on the floor, and how far it is enlarged."""

    draw: Callable[[Sketch], str]
    stands: bool
    size: float


def standing(draw: Callable[[Sketch], str], size: float = 1.0) -> Thing:
    return Thing(draw, True, size)


def lying(draw: Callable[[Sketch], str], size: float = 1.0) -> Thing:
    return Thing(draw, False, size)


class Sketch:
    """One picture in the making: its colours, its chance, and the solids drawn so far."""

    def __init__(self, seed: int, ground: palette.Ground) -> None:
        colour = palette.colour_of(seed)
        # One shape, whatever its colour.
        self.chance = Random(seed // len(palette.COLOURS))  # noqa: S311 - it has to repeat
        self.colour = colour.hex
        self.ground = ground
        self.trim = self.pick(colour.trims)
        self.wood = self.pick(palette.WOODS)
        self.clips = 0

    def pick(self, options: Sequence[Choice]) -> Choice:
        return options[int(self.chance.random() * len(options))]

    def between(self, low: int, high: int) -> int:
        return low + int(self.chance.random() * (high - low + 1))

    def maybe(self, share: float) -> bool:
        return self.chance.random() < share

    def solid(self, d: str, colour: str, *surface: str) -> str:
        """The outline `d` filled with `colour`; `surface` is cut off at its edge."""
        if not surface:
            return path(d, colour)
        self.clips += 1
        return (
            f'<clipPath id="c{self.clips}"><path d="{d}"/></clipPath>'
            f'<g clip-path="url(#c{self.clips})"><path d="M0 0h600v600H0z" fill="{colour}"/>'
            f"{''.join(surface)}</g>"
        )

    def shadow(self, x: float, rx: float, y: float = FLOOR, ry: float = 0) -> str:
        """What a thing that stands casts on the floor: soft below, falling to the right."""
        ry = ry or max(8, rx * 0.11)
        return (
            f'<g fill="#1c1430"><ellipse cx="{x + rx * 0.16:g}" cy="{y:g}" rx="{rx * 1.12:g}" ry="{ry:g}"'
            f' fill-opacity=".1"/><ellipse cx="{x + rx * 0.06:g}" cy="{y:g}" rx="{rx:g}" ry="{ry * 0.6:g}"'
            ' fill-opacity=".14"/></g>'
        )

    def cast(self, d: str, dx: float = 14, dy: float = 18) -> str:
        """What a thing that lies flat casts beside itself."""
        return f'<path d="{d}" transform="translate({dx:g} {dy:g})" fill="#1c1430" fill-opacity=".13"/>'
