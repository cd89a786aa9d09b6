"""Bags and wallets."""

from __future__ import annotations

from services.storefront.pictures.palette import BRASS, PAPER
from services.storefront.pictures.patterns import surface
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
    standing,
)


def backpack(s: Sketch) -> str:
    d = "M176 250c0 -90 50 -140 124 -140s124 50 124 140v196q0 34 -34 34H210q-34 0 -34 -34z"
    pocket = box(208, 330, 184, 124, 22)
    flap = "M170 236c6 -84 56 -130 130 -130s124 46 130 130v34q-20 34 -130 34s-110 0 -130 -34z"
    lid = s.maybe(0.5)
    top = (
        s.solid(
            flap,
            s.pick((s.colour, s.trim)),
            shade("M372 90q50 90 40 220h60V90z", 0.1),
            shade("M160 280h290v30H160z", 0.08),
        )
        + "".join(rect(x, 252, 18, 82, s.wood, 4) + rect(x - 2, 296, 22, 18, BRASS, 3) for x in (240, 342))
        if lid
        else line("M206 230q10 -78 94 -78t94 78", "#1c143050", 6) + circle(398, 240, 8, BRASS)
    )
    return (
        s.shadow(300, 130)
        + line("M264 116q0 -44 36 -44t36 44", s.wood, 14)
        + line("M180 300q-34 40 -26 130M420 300q34 40 26 130", s.wood, 18)
        + s.solid(
            d,
            s.colour,
            shade("M380 90q60 90 30 400h70V90z", 0.11),
            glow("M190 250q0 -70 46 -104l10 10q-40 30 -40 94v220h-16z", 0.2),
        )
        + s.solid(
            pocket,
            s.colour,
            shade("M200 320h200v12H200z"),
            glow("M208 332h184v8H208z", 0.15),
            shade("M360 320h40v150h-40z", 0.08),
            line("M216 372h168", s.wood if not lid else "#1c143030", 6),
        )
        + path(box(276, 398, 48, 30, 4), s.wood)
        + top
    )


def tote(s: Sketch) -> str:
    d = "M168 240h264l20 226q2 14 -14 14H162q-16 0 -14 -14z"
    decor = s.pick(
        (
            surface(s, 140, 240, 320, 250, "stripes", "bands", "dots", "checks", "waves"),
            circle(300, 362, 66, s.trim),
            path("M140 390q80 -70 160 0t160 0v110H140z", s.trim),
            path(disc(262, 362, 54) + disc(338, 362, 54), s.trim),
        )
    )
    strap = s.colour if s.maybe(0.5) else s.wood
    return (
        s.shadow(300, 140)
        + line("M244 250c-10 -190 122 -190 112 0", dimmed(strap), 15)
        + s.solid(
            d,
            s.colour,
            decor,
            shade("M388 230h80v260h-60z", 0.1),
            glow("M180 240h12l-16 240h-16z", 0.25),
            shade("M140 240h320v8H140z", 0.1),
        )
        + line("M226 292v-40c0 -196 148 -196 148 0v40", strap, 17)
    )


def wallet(s: Sketch) -> str:
    d = box(140, 200, 320, 220, 24)
    cards = "".join(
        s.solid(box(176, y, 248, 100, 12), colour, shade(f"M170 {y + 26}h270v14H170z", 0.12))
        for y, colour in ((150, PAPER), (172, s.trim))
    )
    flap = "M140 224q0 -24 24 -24h272q24 0 24 24v60q-60 60 -160 60t-160 -60z"
    front = (
        s.solid(flap, s.colour, shade(flap, 0.07), glow("M140 200h320v8H140z")) + circle(300, 322, 13, BRASS)
        if s.maybe(0.5)
        else path("M140 262h320v10H140z", "#1c143026")
        + rect(390, 288, 70, 46, s.colour, 10)
        + shade(box(390, 288, 70, 46, 10), 0.1)
        + circle(412, 311, 9, BRASS)
    )
    stitch = (
        '<rect x="154" y="214" width="292" height="192" rx="14" fill="none" stroke="#fff" '
        'stroke-opacity=".35" stroke-width="4" stroke-dasharray="10 9"/>'
    )
    return moved(
        s.cast(d) + cards + s.solid(d, s.colour, shade("M420 190h50v240h-50z", 0.08)) + front + stitch,
        f"rotate({s.pick((-12, -7, 8, 12))} 300 300)",
    )


THINGS = {
    "backpack": standing(backpack, 1.06),
    "tote": standing(tote, 1.1),
    "wallet": lying(wallet),
}
