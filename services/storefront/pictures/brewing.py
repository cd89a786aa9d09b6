"""Things for coffee, tea and a cold drink."""

from __future__ import annotations

from services.storefront.pictures.palette import BRASS, INK, STEEL
from services.storefront.pictures.patterns import dipped, surface
from services.storefront.pictures.sketch import (
    Sketch,
    box,
    circle,
    ellipse,
    faded,
    glow,
    line,
    path,
    rect,
    shade,
    standing,
)


def mug(s: Sketch) -> str:
    half, top = s.between(92, 112), s.between(236, 268)
    left, right, height = 285 - half, 285 + half, 480 - top
    body = f"M{left} {top}h{2 * half}v{height - 44}a44 44 0 0 1 -44 44h{88 - 2 * half}a44 44 0 0 1 -44 -44z"
    decor = (
        dipped(s, top + height * 3 // 5)
        if s.maybe(0.35)
        else surface(s, left, top + 36, 2 * half, height - 60)
    )
    reach = s.between(60, 74)
    handle = f"M{right - 6} {top + 44}h18c{reach} 0 {reach} {height - 96} 0 {height - 96}h-18"
    return (
        s.shadow(300, half)
        + line(handle, s.colour, 24)
        + f'<g opacity=".14">{line(handle, INK, 24)}</g>'
        + s.solid(
            body,
            s.colour,
            decor,
            shade(f"M{right - 46} {top}h60v{height}h-60z"),
            glow(f"M{left + 20} {top}h16v{height}h-16z"),
        )
        + ellipse(285, top, half, 20, s.colour)
        + glow(f"M{left} {top}a{half} 20 0 0 1 {2 * half} 0a{half} 20 0 0 1 {-2 * half} 0z", 0.4)
        + ellipse(285, top + 2, half - 10, 14, "#5a3826" if s.maybe(0.6) else INK)
        + path(
            (
                f"M{left + 12} {top + 5}a{half - 10} 14 0 0 0 {2 * half - 24} 0a{half - 10} 9 0 0 0 "
                f"{24 - 2 * half} 0z"
            ),
            "#8a5a3c",
        )
    )


def glass(s: Sketch) -> str:
    """A tumbler or a goblet, with something of the colour in it."""
    top = s.between(220, 250)
    wide = s.between(84, 98)
    narrow = wide - s.between(8, 26)
    cup = (
        f"M{300 - wide} {top}L{300 - narrow} 470q2 10 12 10h{2 * narrow - 24}q10 0 12 -10L{300 + wide} {top}z"
    )
    level = top + s.between(56, 96)
    lemon = circle(300 + wide - 8, top + 6, 40, BRASS) + circle(300 + wide - 8, top + 6, 32, "#f7e2a2")
    straw = line(f"M282 450L344 {top - 74}", s.trim, 12)
    return (
        s.shadow(300, narrow)
        + (lemon if s.maybe(0.5) else "")
        + (straw if s.maybe(0.7) else "")
        + glow(cup, 0.42)
        + s.solid(
            cup,
            "none",
            faded(path(f"M0 {level}h600V466H0z", s.colour), 0.82),
            glow(f"M0 {level}h600v9H0z", 0.3),
            shade(f"M{300 + narrow - 34} {top}h90v300h-90z", 0.1),
            glow(f"M{300 - narrow + 4} {top}h18v300h-10z", 0.55),
            glow("M0 462h600v20H0z", 0.6),
        )
        + (
            f'<ellipse cx="300" cy="{top}" rx="{wide}" ry="8" fill="none" stroke="#fff" '
            'stroke-opacity=".8" stroke-width="5"/>'
        )
    )


def kettle(s: Sketch) -> str:
    spread = s.between(108, 124)
    body = (
        f"M248 262h104q14 0 20 20l{spread - 62} 168q8 30 -22 30H{250 - spread + 62}q-30 0 "
        f"-22 -30l{spread - 62} -168q6 -20 20 -20z"
    )
    left = 300 - spread
    spout = line(f"M{left + 30} 430c-60 -20 -40 -130 -96 -178", s.colour, 20)
    handle = line("M372 276c130 -40 128 110 70 130", s.wood, 22)
    return (
        s.shadow(300, spread)
        + spout
        + handle
        + s.solid(
            body,
            s.colour,
            shade("M350 240c40 100 30 180 10 260h160V240z"),
            glow("M252 262h14l-46 218h-24z", 0.28),
            rect(150, 452, 320, 10, "#1c143022"),
        )
        + path("M252 266q0 -34 48 -34t48 34z", s.colour)
        + shade("M300 232q48 0 48 34h-30q4 -26 -18 -34z")
        + circle(300, 222, 14, s.wood)
    )


def teapot(s: Sketch) -> str:
    wide = s.between(118, 134)
    body = (
        f"M300 268c{wide - 20} 0 {wide} 60 {wide} 108s-40 104 -{wide} 104s-{wide} -56 "
        f"-{wide} -104s20 -108 {wide} -108z"
    )
    left, right = 300 - wide, 300 + wide
    decor = surface(s, left, 280, 2 * wide, 200, "plain", "bands", "dots", "waves", "stripes", "speckle")
    return (
        s.shadow(300, wide - 20)
        + path(f"M{left + 26} 372c-50 -6 -56 -60 -92 -84l26 -16c50 30 60 60 96 70z", s.colour)
        + shade(f"M{left + 26} 372c-50 -6 -56 -60 -92 -84l10 -8c50 34 50 60 86 70z", 0.1)
        + line(f"M{right - 22} 318c80 -30 88 96 0 104", s.pick((s.wood, s.colour, s.trim)), 20)
        + s.solid(
            body,
            s.colour,
            decor,
            shade(f"M{right - 54} 260q50 120 -60 230h200V260z"),
            glow(f"M{left + 34} 340q10 -44 50 -56l6 12q-34 14 -42 50z", 0.4),
        )
        + path("M238 276q6 -40 62 -40t62 40q-62 18 -124 0z", s.colour)
        + shade("M238 276q62 18 124 0q-1 -8 -4 -14q-58 16 -116 0z", 0.18)
        + circle(300, 226, 17, s.pick((s.wood, s.trim)))
    )


def press(s: Sketch) -> str:
    """A coffee press."""
    top = s.between(226, 250)
    jar = f"M212 {top}h176v{480 - top}H212z"
    brew = top + s.between(60, 90)
    bars = "".join(rect(x, top + 6, 10, 474 - top, s.colour) for x in (232, 358))
    return (
        s.shadow(300, 96)
        + line(f"M388 {top + 40}h44q16 0 16 18v{376 - top}q0 18 -16 18h-44", s.pick((s.wood, s.colour)), 18)
        + rect(295, top - 104, 10, 110, STEEL)
        + circle(300, top - 110, 20, s.pick((s.wood, s.colour)))
        + s.solid(
            jar,
            "#ffffff",
            rect(212, brew, 176, 300, "#4a2e20"),
            rect(212, brew, 176, 16, "#9a6b48"),
            rect(212, brew + 40, 176, 12, STEEL),
            rect(295, top, 10, brew + 40 - top, STEEL),
            shade(f"M350 {top}h40v300h-40z", 0.16),
            glow(f"M222 {top}h12v300h-12z", 0.4),
        )
        + bars
        + path(f"M202 {top + 6}q4 -40 98 -40t98 40z", s.colour)
        + shade(f"M330 {top - 32}q66 6 68 38h-50q-4 -26 -18 -38z")
        + rect(204, 456, 192, 24, s.colour, 6)
        + shade(box(340, 456, 56, 24, 6))
    )


THINGS = {
    "mug": standing(mug, 1.3),
    "glass": standing(glass, 1.28),
    "kettle": standing(kettle, 1.14),
    "teapot": standing(teapot, 1.16),
    "press": standing(press, 1.12),
}
