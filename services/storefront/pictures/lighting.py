"""What gives light."""

from __future__ import annotations

from services.storefront.pictures.palette import BRASS, INK, PAPER
from services.storefront.pictures.sketch import (
    Sketch,
    box,
    circle,
    ellipse,
    faded,
    glow,
    line,
    lying,
    path,
    rect,
    shade,
    standing,
)


def lamp(s: Sketch) -> str:
    shape = s.pick(
        (
            "M236 130h128l44 130H192z",
            "M196 260a104 116 0 0 1 208 0z",
            "M214 130h172v130H214z",
        )
    )
    foot = s.pick(
        (
            path(
                "M300 330c50 0 64 60 64 96c0 30 -14 54 -40 54h-48c-26 0 -40 -24 -40 -54c0 -36 14 -96 64 -96z",
                s.trim,
            )
            + shade("M316 332c40 10 48 60 48 94c0 30 -14 54 -40 54h-10c30 -40 26 -100 2 -148z"),
            rect(292, 280, 16, 190, BRASS)
            + rect(226, 462, 148, 18, BRASS, 9)
            + shade(box(226, 471, 148, 9, 4)),
            rect(274, 300, 52, 180, s.wood, 8) + shade(box(306, 300, 20, 180, 8)),
        )
    )
    return (
        '<path d="M192 262L96 480h408L408 262z" fill="#ffe7a8" fill-opacity=".28"/>'
        + s.shadow(300, 82)
        + rect(294, 250, 12, 90, BRASS)
        + foot
        + circle(300, 262, 24, "#fff1c4")
        + s.solid(
            shape,
            s.colour,
            shade("M356 100q30 80 20 180h60V100z", 0.12),
            glow("M200 244h220v20H190z", 0.35),
            glow("M236 120h20l-30 150h-30z", 0.2),
        )
    )


def pendant(s: Sketch) -> str:
    shape = s.pick(
        (
            "M300 206c110 0 150 80 150 144H150c0 -64 40 -144 150 -144z",
            "M262 210h76l120 140H142z",
            "M300 196c96 0 124 64 124 100s-40 84 -124 84s-124 -48 -124 -84s28 -100 124 -100z",
        )
    )
    return (
        line("M300 -10V190", INK, 6)
        + rect(284, 172, 32, 44, BRASS, 8)
        + '<path d="M160 352L60 600h480L440 352z" fill="#ffe7a8" fill-opacity=".35"/>'
        + ellipse(300, 352, 74, 34, "#fff3cf")
        + s.solid(
            shape,
            s.colour,
            shade("M380 190q40 70 30 200h100V190z"),
            glow("M226 230q-40 40 -46 110h20q6 -70 50 -114z", 0.35),
            rect(100, 340, 400, 10, "#ffffff40"),
        )
    )


def candle(s: Sketch) -> str:
    top, half = s.between(300, 326), s.between(78, 92)
    jar = box(300 - half, top, 2 * half, 480 - top, 22)
    label = box(300 - half + 26, top + 52, 2 * half - 52, 74, 8)
    flame = f"M300 {top - 70}c26 34 26 62 0 66c-26 -4 -26 -32 0 -66z"
    return (
        faded(circle(300, top - 30, 92, "#ffe39a"), 0.4)
        + s.shadow(300, half)
        + line(f"M300 {top + 20}V{top - 14}", INK, 6)
        + path(flame, "#f3b54a")
        + path(f"M300 {top - 44}c12 18 12 34 0 36c-12 -2 -12 -18 0 -36z", "#fff0bf")
        + s.solid(
            jar,
            s.colour,
            glow(f"M0 0h600v{top + 34}H0z", 0.3),
            shade(f"M{300 + half - 38} 200h60v300h-60z"),
            glow(f"M{300 - half + 14} 200h12v300h-12z"),
        )
        + path(label, PAPER)
        + line(f"M276 {top + 78}h48M286 {top + 100}h28", s.trim, 7)
    )


THINGS = {
    "lamp": standing(lamp, 1.06),
    "pendant": lying(pendant),
    "candle": standing(candle, 1.3),
}
