"""Furniture."""

from __future__ import annotations

from services.storefront.pictures.palette import BRASS, DEEP_LEAF, GRAPHITE, INK, LEAF, PAPER
from services.storefront.pictures.sketch import (
    Sketch,
    box,
    circle,
    ellipse,
    glow,
    line,
    moved,
    path,
    rect,
    shade,
    standing,
)


def chair(s: Sketch) -> str:
    back = s.pick(
        (
            "M206 120q94 -26 188 0l-10 112q-84 16 -168 0z",
            box(206, 116, 188, 74, 36),
            "M214 232V190a86 86 0 0 1 172 0v42z",
        )
    )
    legs = line("M222 330L196 476M378 330L404 476", s.wood, 18)
    behind = line("M232 330L222 450M368 330L378 450", s.wood, 14)
    posts = line("M226 150L220 320M374 150L380 320", s.wood, 16)
    seat = "M186 306q0 -22 24 -22h180q24 0 24 22l-4 16q-4 16 -24 16h-172q-20 0 -24 -16z"
    return (
        s.shadow(300, 118)
        + behind
        + f'<g opacity=".2">{line("M232 330L222 450M368 330L378 450", INK, 14)}</g>'
        + posts
        + s.solid(back, s.colour, shade("M350 60q20 90 0 200h90V60z"), glow("M216 130h14v110h-14z", 0.2))
        + legs
        + line("M208 418H392", s.wood, 10)
        + s.solid(seat, s.colour, glow("M100 280h400v18H100z", 0.25), shade("M100 322h400v30H100z"))
    )


def armchair(s: Sketch) -> str:
    return _seat(s, half=150, places=1)


def sofa(s: Sketch) -> str:
    return _seat(s, half=226, places=2)


def _seat(s: Sketch, half: int, places: int) -> str:
    """Something to sink into, `half` of its width on each side of the middle."""
    left, right = 300 - half, 300 + half
    back_shade = shade(f"M{left} 300h{2 * half}v200H{left}z", 0.18) + shade(
        f"M{right - 60} 180h60v300h-60z", 0.1
    )
    front = box(left + 30, 404, 2 * half - 60, 42, 10)
    return (
        s.shadow(300, half)
        + line(f"M{left + 44} 440l-8 36M{right - 44} 440l8 36", s.wood, 16)
        + s.solid(box(left + 18, 196, 2 * half - 36, 220, 46), s.colour, back_shade)
        + "".join(_seat_cushion(s, left + 56, (2 * half - 112) / places, place) for place in range(places))
        + _scatter_cushion(s, left + 62)
        + s.solid(front, s.colour, shade(box(left, 404, 2 * half, 42), 0.16))
        + "".join(_arm(s, x) for x in (left, right - 62))
    )


def _arm(s: Sketch, x: int) -> str:
    sides = (shade(box(x + 44, 286, 30, 160)), glow(box(x, 286, 62, 14), 0.22))
    return s.solid(box(x, 286, 62, 160, 30), s.colour, *sides)


def _seat_cushion(s: Sketch, left: int, wide: float, place: int) -> str:
    x = left + place * wide
    sides = (glow(box(0, 338, 600, 16), 0.22), shade(box(x + wide - 12, 338, 14, 70), 0.1))
    return s.solid(box(x, 338, wide, 70, 20), s.colour, *sides)


def _scatter_cushion(s: Sketch, x: int) -> str:
    stripes = line("M0 26h110M0 55h110M0 84h110", s.colour, 7) if s.maybe(0.5) else ""
    cushion = s.solid(box(0, 0, 110, 110, 22), s.trim, stripes, shade("M84 0h30v110h-36z", 0.1))
    return moved(cushion, f"translate({x} 254) rotate(-9)")


def table(s: Sketch) -> str:
    half, top = s.between(166, 200), s.between(296, 316)
    pillar = (
        path(f"M286 {top}h28l10 150h-48z", s.wood)
        + ellipse(300, 462, 84, 16, s.wood)
        + shade(f"M306 {top}h8l10 150h-14z")
    )
    splayed = line(
        f"M{300 - half + 70} {top}L{300 - half + 40} 474M{300 + half - 70} {top}L{300 + half - 40} 474",
        s.wood,
        16,
    )
    vase = path(f"M236 {top - 8}c-24 -20 -14 -44 0 -56v-22h24v22c14 12 24 36 0 56z", s.trim)
    stems = line(f"M248 {top - 80}q-4 -50 -34 -84M248 {top - 80}q4 -60 26 -100", DEEP_LEAF, 5)
    leaves = "".join(
        moved(ellipse(0, 0, 10, 20, LEAF), f"translate({x} {top - y}) rotate({turn})")
        for x, y, turn in ((214, 170, -40), (232, 132, -60), (276, 186, 24), (262, 140, 50), (238, 168, 20))
    )
    return (
        s.shadow(300, half - 40)
        + s.pick((pillar, splayed))
        + stems
        + leaves
        + vase
        + shade(f"M250 {top - 86}h10v22c14 12 24 36 0 56h-10z", 0.12)
        + s.solid(
            box(300 - half, top - 10, 2 * half, 26, 13),
            s.colour,
            shade(box(0, top + 4, 600, 20)),
            glow(box(0, top - 10, 600, 6)),
        )
    )


def shelf(s: Sketch) -> str:
    boards = (150, 252, 354, 456)
    frame = "".join(rect(160, y, 280, 14, s.wood) + shade(box(160, y + 8, 280, 6), 0.16) for y in boards)
    posts = (
        rect(156, 138, 14, 342, s.wood, 4)
        + rect(430, 138, 14, 342, s.wood, 4)
        + shade(box(430, 138, 14, 342, 4), 0.14)
    )
    return (
        s.shadow(300, 144)
        + rect(164, 150, 272, 310, "#1c14301a")
        + _row_of_books(s, 184, 252)
        + _row_of_pots(s, 354)
        + _row_of_boxes(s, 456)
        + frame
        + posts
    )


def _row_of_books(s: Sketch, left: int, floor: int) -> str:
    drawn = ""
    for _ in range(s.between(4, 6)):
        wide, tall = s.between(18, 30), s.between(54, 80)
        drawn += rect(left, floor - tall, wide, tall, s.pick((s.colour, s.trim, PAPER, GRAPHITE, BRASS)), 3)
        left += wide + 2
    return drawn + moved(rect(0, -70, 22, 70, s.colour, 3), f"translate({left + 8} {floor}) rotate(-14)")


def _row_of_pots(s: Sketch, floor: int) -> str:
    leaves = "".join(
        moved(ellipse(0, -26, 9, 28, LEAF), f"translate(366 {floor - 34}) rotate({turn})")
        for turn in (-56, -26, 4, 34, 62)
    )
    return (
        leaves
        + path(f"M342 {floor - 40}h48l-6 40h-36z", s.trim)
        + path(f"M196 {floor}c-16 -20 -8 -46 8 -56v-14h24v14c16 10 24 36 8 56z", s.colour)
        + circle(276, floor - 20, 20, BRASS)
    )


def _row_of_boxes(s: Sketch, floor: int) -> str:
    box_ = (
        rect(186, floor - 60, 100, 60, s.colour, 6)
        + rect(216, floor - 40, 40, 12, s.ground.wall, 6)
        + shade(box(262, floor - 60, 24, 60), 0.12)
    )
    return box_ + "".join(
        rect(306, floor - y, 96, 18, colour, 3) for y, colour in ((18, s.trim), (38, PAPER), (58, GRAPHITE))
    )


THINGS = {
    "chair": standing(chair, 1.08),
    "armchair": standing(armchair, 1.08),
    "sofa": standing(sofa),
    "table": standing(table, 1.1),
    "shelf": standing(shelf),
}
