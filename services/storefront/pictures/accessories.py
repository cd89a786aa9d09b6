"""What one wears besides."""

from __future__ import annotations

from services.storefront.pictures.palette import BRASS, GRAPHITE, INK, PAPER, STEEL
from services.storefront.pictures.sketch import (
    Sketch,
    box,
    circle,
    dimmed,
    disc,
    glow,
    line,
    lying,
    moved,
    path,
    rect,
    shade,
)


def watch(s: Sketch) -> str:
    strap = s.pick((s.wood, s.colour, s.trim))
    metal = s.pick((STEEL, BRASS, GRAPHITE))
    face = s.pick((PAPER, s.colour, INK))
    hands = INK if face == PAPER else PAPER if face == INK else s.trim
    band = "M262 60h76l12 130h-100zM250 410h100l-12 130h-76z"
    stitches = (
        '<path d="M274 70l-8 110M326 70l8 110M266 420l8 110M334 420l-8 110" fill="none" '
        'stroke="#fff" stroke-opacity=".45" stroke-width="4" stroke-dasharray="9 8"/>'
    )
    ticks = "".join(moved(line("M0 -92v10", hands, 6), f"rotate({turn})") for turn in range(0, 360, 30))
    dial = (
        circle(0, 0, 128, metal)
        + circle(0, 0, 110, face)
        + glow("M-110 0a110 110 0 0 1 220 0a120 110 0 0 0 -220 0z", 0.18)
        + ticks
        + moved(line("M0 0v-56", hands, 10), f"rotate({s.between(0, 359)})")
        + moved(line("M0 0v-82", hands, 7), f"rotate({s.between(0, 359)})")
        + moved(line("M0 20v-104", s.trim if s.trim != face else BRASS, 4), f"rotate({s.between(0, 359)})")
        + circle(0, 0, 9, hands)
    )
    drawn = (
        s.cast(band)
        + s.cast(disc(300, 300, 128))
        + s.solid(
            band,
            strap,
            shade("M322 40h40v520h-40z", 0.12),
            shade("M240 184h120v8H240zM240 408h120v8H240z", 0.2),
        )
        + stitches
        + rect(422, 286, 20, 28, metal, 6)
        + shade(box(422, 286, 20, 28, 6))
        + moved(dial, "translate(300 300)")
        + shade("M300 172a128 128 0 0 1 0 256a170 170 0 0 0 0 -256z", 0.08)
    )
    return moved(drawn, f"rotate({s.pick((-24, -14, 16, 26))} 300 300)")


def umbrella(s: Sketch) -> str:
    top = (
        "M100 330c0 -120 90 -210 200 -210s200 90 200 210q-34 -34 -66 0q-34 -34 -67 0q-34 "
        "-34 -67 0q-34 -34 -67 0q-34 -34 -67 0q-32 -34 -66 0z"
    )
    panels = (
        path(
            (
                "M300 120c-90 40 -134 120 -134 210q34 -34 67 0c0 -90 20 -160 67 -210zM300 120c40 50 "
                "67 120 67 210q33 -34 67 0c0 -90 -54 -170 -134 -210z"
            ),
            s.trim,
        )
        if s.maybe(0.5)
        else ""
    )
    drawn = (
        line("M300 330v150q0 40 36 40t36 -36", s.wood, 16)
        + rect(294, 92, 12, 40, STEEL, 6)
        + s.solid(
            top,
            s.colour,
            panels,
            shade("M300 120q90 80 134 210h90V100z", 0.1),
            glow("M150 250q30 -80 100 -110l8 12q-60 30 -90 104z", 0.25),
        )
    )
    return moved(s.cast(top) + drawn, f"rotate({s.pick((-14, -8, 10, 16))} 300 300)")


def shades(s: Sketch) -> str:
    """Sunglasses."""
    left, right = s.pick(
        (
            (disc(204, 310, 78), disc(396, 310, 78)),
            (box(122, 244, 160, 132, 52), box(318, 244, 160, 132, 52)),
            (
                "M118 250q82 -26 168 0q4 124 -76 132q-84 4 -92 -132z",
                "M314 250q86 -26 168 0q-8 136 -92 132q-80 -8 -76 -132z",
            ),
        )
    )
    lens = s.pick((INK, GRAPHITE, "#6b4630", "#2f5d62"))
    frames = "".join(
        f'<path d="{d}" fill="{lens}" stroke="{s.colour}" stroke-width="18"/>' for d in (left, right)
    )
    arms = line("M118 276Q90 220 150 150M482 276Q510 220 450 150", s.colour, 14)
    return moved(
        s.cast(left + right)
        + arms
        + line("M280 292q20 -16 40 0", s.colour, 16)
        + frames
        + glow("M150 330l70 -76h30l-80 96zM344 330l70 -76h30l-80 96z", 0.22),
        f"rotate({s.pick((-12, -6, 8))} 300 300)",
    )


def belt(s: Sketch) -> str:
    coil = "".join(
        circle(300, 316, r, colour)
        for r, colour in (
            (172, s.colour),
            (146, dimmed(s.colour)),
            (140, s.colour),
            (112, dimmed(s.colour)),
            (106, s.colour),
        )
    )
    stitch = (
        '<circle cx="300" cy="316" r="159" fill="none" stroke="#fff" stroke-opacity=".4" '
        'stroke-width="4" stroke-dasharray="10 9"/>'
    )
    buckle = (
        '<rect x="256" y="104" width="92" height="80" rx="14" fill="none" '
        f'stroke="{s.pick((BRASS, STEEL))}" stroke-width="14"/>'
    )
    return (
        s.cast(disc(300, 316, 172))
        + coil
        + stitch
        + shade("M300 144a172 172 0 0 1 0 344a220 220 0 0 0 0 -344z", 0.1)
        + circle(300, 316, 80, s.ground.floor)
        + shade(disc(300, 316, 80), 0.12)
        + rect(268, 116, 140, 56, s.colour, 6)
        + "".join(circle(x, 144, 5, "#1c143080") for x in (366, 388))
        + buckle
        + line("M300 144h50", BRASS, 8)
    )


THINGS = {
    "watch": lying(watch),
    "umbrella": lying(umbrella, 1.1),
    "shades": lying(shades, 1.1),
    "belt": lying(belt, 1.1),
}
