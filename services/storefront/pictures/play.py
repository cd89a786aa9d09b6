"""Toys and games."""

from __future__ import annotations

from services.storefront.pictures.palette import BRASS, GRAPHITE, INK, PAPER
from services.storefront.pictures.sketch import (
    Sketch,
    box,
    circle,
    disc,
    ellipse,
    glow,
    line,
    lying,
    moved,
    path,
    rect,
    shade,
    standing,
)


def blocks(s: Sketch) -> str:
    """Building blocks, piled with care."""
    cube, other = box(156, 364, 116, 116, 8), box(328, 364, 116, 116, 8)
    arch = "M196 364v-70q0 -12 12 -12h184q12 0 12 12v70h-58a46 46 0 0 0 -92 0z"
    roof = s.pick(("M228 282l72 -104l72 104z", "M228 282a72 72 0 0 1 144 0z", box(260, 176, 80, 106, 6)))
    marks = s.pick(
        (circle(214, 422, 28, PAPER), path("M214 388l32 62h-64z", PAPER), rect(188, 396, 52, 52, PAPER, 6))
    )
    return (
        s.shadow(300, 170)
        + s.solid(cube, s.colour, marks, shade("M240 360h40v130h-40z"))
        + s.solid(other, s.trim, shade("M412 360h40v130h-40z"), glow("M328 364h116v12H328z"))
        + s.solid(arch, s.wood, shade("M360 270h60v100h-60z"), glow("M190 282h220v9H190z"))
        + s.solid(roof, s.colour, shade("M310 160h80v130h-60z", 0.13))
        + circle(96 + s.between(0, 16), 450, 30, BRASS)
    )


def bear(s: Sketch) -> str:
    """A soft bear, sitting."""
    ears = (
        circle(222, 150, 40, s.colour)
        + circle(378, 150, 40, s.colour)
        + circle(222, 152, 22, s.trim)
        + circle(378, 152, 22, s.trim)
    )
    body = "M300 290c80 0 110 60 110 116s-40 74 -110 74s-110 -18 -110 -74s30 -116 110 -116z"
    arms = "".join(
        moved(
            ellipse(0, 0, 32, 66, s.colour) + shade("M-32 0a32 66 0 0 0 64 0a40 60 0 0 1 -64 0z", 0.08),
            f"translate({x} 370) rotate({turn})",
        )
        for x, turn in ((186, 24), (414, -24))
    )
    feet = "".join(
        circle(x, 446, 44, s.colour) + shade(disc(x, 446, 44), 0.06) + circle(x, 450, 25, s.trim)
        for x in (206, 394)
    )
    face = (
        ellipse(300, 254, 46, 36, PAPER)
        + ellipse(300, 238, 16, 11, INK)
        + line("M300 248v14q-12 12 -22 2M300 262q12 12 22 2", INK, 5)
        + circle(254, 212, 9, INK)
        + circle(346, 212, 9, INK)
    )
    bow = (
        path("M300 312l-46 -22v44zM300 312l46 -22v44z", s.trim) + circle(300, 312, 12, s.trim)
        if s.maybe(0.6)
        else rect(226, 300, 148, 22, s.trim, 11)
    )
    return (
        s.shadow(300, 140)
        + s.solid(
            body, s.colour, ellipse(300, 410, 62, 56, "#ffffff38"), shade("M370 290q40 90 0 200h60V290z", 0.1)
        )
        + ears
        + s.solid(
            "M300 118c76 0 116 46 116 100s-44 92 -116 92s-116 -38 -116 -92s40 -100 116 -100z",
            s.colour,
            shade("M380 110q50 100 -20 210h80V110z", 0.1),
            glow("M206 170q30 -40 80 -40v10q-40 4 -66 40z", 0.2),
        )
        + face
        + arms
        + feet
        + bow
    )


def rabbit(s: Sketch) -> str:
    """A soft rabbit."""
    ears = "".join(
        moved(
            ellipse(0, 0, 28, 84, s.colour) + ellipse(0, 8, 14, 58, s.trim),
            f"translate({x} 130) rotate({turn})",
        )
        for x, turn in ((256, -8), (346, s.pick((8, 34))))
    )
    body = "M300 300c70 0 100 70 100 120s-36 60 -100 60s-100 -10 -100 -60s30 -120 100 -120z"
    face = (
        circle(262, 238, 8, INK)
        + circle(338, 238, 8, INK)
        + path("M288 256h24l-12 14z", "#c9706a")
        + line("M300 270v10q-10 10 -20 2M300 280q10 10 20 2", INK, 4)
        + ellipse(246, 266, 14, 9, "#e98f7f70")
        + ellipse(354, 266, 14, 9, "#e98f7f70")
    )
    return (
        s.shadow(300, 110)
        + ears
        + s.solid(
            body, s.colour, ellipse(300, 416, 52, 54, "#ffffff38"), shade("M366 300q40 90 0 190h60V300z", 0.1)
        )
        + circle(300, 250, 88, s.colour)
        + shade("M330 166a88 88 0 0 1 0 168q60 -84 0 -168z", 0.08)
        + face
        + "".join(
            ellipse(x, 462, 42, 24, s.colour) + shade(f"M{x - 42} 466a42 20 0 0 0 84 0z", 0.1)
            for x in (232, 368)
        )
        + line("M232 330q68 28 136 0", s.trim, 20)
    )


def train(s: Sketch) -> str:
    """A wooden engine."""
    wheels = (
        "".join(
            circle(x, 440, 42, s.trim) + circle(x, 440, 26, s.wood) + circle(x, 440, 8, INK)
            for x in (188, 292)
        )
        + circle(404, 432, 50, s.trim)
        + circle(404, 432, 32, s.wood)
        + circle(404, 432, 9, INK)
    )
    boiler, cab = box(136, 282, 230, 108, 50), "M340 200h124v200H340z"
    return (
        s.shadow(300, 176)
        + path("M176 284l-12 -70h64l-12 70z", s.trim)
        + rect(156, 200, 80, 24, s.trim, 8)
        + path("M270 284v-20a24 24 0 0 1 48 0v20z", BRASS)
        + s.solid(
            boiler,
            s.colour,
            shade("M120 350h260v50H120z"),
            glow("M150 296h200v13H150z"),
            rect(250, 270, 18, 130, s.trim),
        )
        + s.solid(
            cab,
            s.colour,
            rect(366, 232, 72, 70, s.ground.wall, 10),
            shade("M432 190h40v220h-40z"),
            shade("M340 370h130v40H340z", 0.1),
        )
        + rect(324, 180, 156, 30, s.wood, 10)
        + shade(box(324, 196, 156, 14, 7))
        + rect(128, 388, 348, 30, s.wood, 8)
        + shade(box(128, 406, 348, 12, 6))
        + wheels
    )


def puzzle(s: Sketch) -> str:
    """Four pieces, one not yet in its place."""
    piece = "M0 0h150v50c30 -20 52 -6 52 25s-22 45 -52 25v50H0z"
    knob = "M0 0h150v150H100c20 30 6 52 -25 52s-45 -22 -25 -52H0z"
    colours = (s.colour, s.trim, BRASS, s.colour)
    first = moved(path(piece, colours[0]) + shade("M0 138h150v12H0z"), "translate(140 140)")
    second = moved(path(knob, colours[1]) + shade("M0 138h150v12H0z"), "translate(290 140)")
    third = moved(path(piece, colours[2]) + shade("M0 138h150v12H0z"), "translate(140 290)")
    socket = "M0 0h50c-20 30 -6 52 25 52s45 -22 25 -52h50v150H0v-50c30 20 52 6 52 -25s-22 -45 -52 -25z"
    away = f"translate({s.between(322, 346)} {s.between(326, 342)}) rotate({s.pick((-10, 8, 14))} 75 75)"
    gap = moved(s.cast(socket, 8, 10) + path(socket, colours[3]) + shade("M0 138h150v12H0z"), away)
    base = s.cast("M140 140h300v150h-150v150h-150z")
    return base + gap + second + third + first


def dice(s: Sketch) -> str:
    """A board game: board, pieces and a die."""
    board = box(112, 112, 376, 376, 20)
    cells = "".join(
        rect(x, y, 80, 80, s.trim if (x + y) // 80 % 2 else "#ffffff66", 4)
        for x in range(140, 460, 80)
        for y in range(140, 460, 80)
    )
    pawn = "M0 0q6 -44 20 -60a26 26 0 1 1 32 0q14 16 20 60z"
    pawns = "".join(
        moved(
            s.cast(pawn, 8, 8)
            + path(pawn, colour)
            + shade("M36 -100a26 26 0 0 1 16 40q14 16 20 60H36z", 0.14),
            f"translate({x} {y})",
        )
        for x, y, colour in ((170, 290, GRAPHITE), (330, 240, BRASS))
    )
    die = moved(
        s.cast(box(0, 0, 84, 84, 18), 8, 10)
        + rect(0, 0, 84, 84, PAPER, 18)
        + shade(box(62, 0, 22, 84, 10), 0.08)
        + "".join(circle(x, y, 8, INK) for x, y in ((22, 22), (42, 42), (62, 62), (22, 62), (62, 22))),
        "translate(330 340) rotate(14)",
    )
    return (
        moved(s.cast(board) + path(board, s.colour) + cells, f"rotate({s.pick((-10, 8, 12))} 300 300)")
        + pawns
        + die
    )


def cards(s: Sketch) -> str:
    """Playing cards, fanned."""
    fan = ""
    for turn in (-26, -9, 8, 25):
        back = turn < 25
        face = (
            rect(232, 150, 136, 210, s.colour, 8)
            + line("M250 190l100 130M350 190l-100 130", s.trim, 9)
            + circle(300, 255, 26, s.trim)
            if back
            else path("M300 216l40 52l-40 52l-40 -52z", "#d4503f")
            + "".join(path(f"M{x} {y}l10 13l-10 13l-10 -13z", "#d4503f") for x, y in ((246, 160), (354, 324)))
        )
        card = box(220, 138, 160, 234, 16)
        fan += moved(s.cast(card, 6, 8) + path(card, PAPER) + face, f"translate(0 30) rotate({turn} 300 480)")
    return fan


THINGS = {
    "blocks": standing(blocks, 1.06),
    "bear": standing(bear, 1.08),
    "rabbit": standing(rabbit, 1.04),
    "train": standing(train, 1.1),
    "puzzle": lying(puzzle, 1.06),
    "dice": lying(dice),
    "cards": lying(cards, 1.08),
}
