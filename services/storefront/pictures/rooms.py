"""What hangs on a wall or stands on a sill."""

from __future__ import annotations

from services.storefront.pictures.palette import DEEP_LEAF, INK, LEAF, PAPER
from services.storefront.pictures.patterns import surface
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
    shade,
    standing,
)


def clock(s: Sketch) -> str:
    ring, face = s.pick(((s.colour, PAPER), (s.wood, s.colour), (s.colour, s.colour)))
    light = face in (PAPER, "#f6f2ea", "#e0cba6", "#e6aea7", "#8db7d8", "#e5ae43", "#9fb89b", "#aba69c")
    hands = INK if light else PAPER
    ticks = "".join(
        moved(line("M0 -140v18", hands, 8), f"translate(300 300) rotate({turn})")
        for turn in range(0, 360, s.pick((30, 90)))
    )
    hour, minute = s.between(0, 359), s.between(0, 359)
    return (
        s.cast(disc(300, 300, 188))
        + circle(300, 300, 188, ring)
        + shade("M300 112a188 188 0 0 1 0 376a240 240 0 0 0 0 -376z")
        + circle(300, 300, 166, face)
        + shade("M134 300a166 166 0 0 1 332 0a180 166 0 0 0 -332 0z", 0.1)
        + ticks
        + moved(line("M0 14v-84", hands, 13), f"translate(300 300) rotate({hour})")
        + moved(line("M0 20v-124", hands, 8), f"translate(300 300) rotate({minute})")
        + circle(300, 300, 13, s.trim)
    )


def mirror(s: Sketch) -> str:
    d, glass = s.pick(
        (
            ("M160 480V260a140 140 0 0 1 280 0v220z", "M178 462V260a122 122 0 0 1 244 0v202z"),
            (disc(300, 300, 180), disc(300, 300, 160)),
            (box(180, 110, 240, 380, 120), box(198, 128, 204, 344, 102)),
        )
    )
    return (
        s.cast(d, 12, 14)
        + path(d, s.pick((s.colour, s.wood, s.colour)))
        + s.solid(
            glass,
            "#dfeaf0",
            path("M100 420L420 60h90L160 520z", "#eef5f8"),
            path("M240 520L520 180h40L300 540z", "#eef5f8"),
            shade("M100 90h400v24H100z", 0.08),
        )
    )


def vase(s: Sketch) -> str:
    body = s.pick(
        (
            "M262 250h76v50c60 30 70 90 40 180H222c-30 -90 -20 -150 40 -180z",
            "M256 262q44 12 88 0c-10 60 46 90 46 150q0 68 -44 68h-92q-44 0 -44 -68c0 -60 56 -90 46 -150z",
            "M240 250h120l-22 230h-76z",
        )
    )
    decor = surface(s, 200, 300, 200, 180, "plain", "plain", "bands", "waves", "speckle", "stripes")
    return (
        s.shadow(300, 76)
        + s.pick((_eucalyptus, _blooms, _grasses))(s)
        + s.solid(
            body,
            s.colour,
            decor,
            shade("M340 240q60 120 20 250h90V240z"),
            glow("M246 330q-24 60 -12 130h14q-14 -60 10 -126z", 0.35),
        )
    )


def _eucalyptus(s: Sketch) -> str:
    stems = line("M290 262C280 180 240 130 210 90M310 262C316 180 350 120 392 84M300 262V70", DEEP_LEAF, 6)
    spots = (
        (210, 96),
        (236, 128),
        (252, 166),
        (222, 140),
        (272, 200),
        (300, 74),
        (282, 112),
        (318, 126),
        (284, 156),
        (390, 90),
        (364, 104),
        (372, 134),
        (342, 148),
        (336, 186),
        (318, 206),
    )
    return stems + "".join(ellipse(x, y, 19, 15, s.pick((LEAF, "#6fa580", DEEP_LEAF))) for x, y in spots)


def _blooms(s: Sketch) -> str:
    stems = line("M290 262C284 200 250 160 226 140M310 262C320 190 350 160 378 126M300 262V100", DEEP_LEAF, 7)
    leaves = path(
        "M300 220c-50 -4 -60 -36 -64 -50c40 0 60 20 64 50zM306 210c40 -8 50 -30 52 -46c-36 4 -52 20 -52 46z",
        LEAF,
    )
    petals = s.pick((s.trim, "#f0b13c", "#e98f7f", PAPER))
    heads = "".join(
        circle(x, y, 34, petals) + circle(x, y, 14, "#8a5a3c") for x, y in ((226, 134), (378, 120), (300, 92))
    )
    return stems + leaves + heads


def _grasses(s: Sketch) -> str:
    stems = "".join(
        f"M300 262Q{300 + dx // 4} 160 {300 + dx} {top}"
        for dx, top in ((-100, 110), (-54, 80), (-8, 60), (40, 84), (92, 104))
    )
    plumes = "".join(
        moved(ellipse(0, 0, 13, 46, "#d9b98a"), f"translate({300 + dx} {top}) rotate({dx * 0.3:g})")
        for dx, top in ((-100, 104), (-54, 74), (-8, 56), (40, 78), (92, 98))
    )
    return line(stems, "#b8935f", 5) + plumes


THINGS = {
    "clock": lying(clock),
    "mirror": lying(mirror),
    "vase": standing(vase),
}
