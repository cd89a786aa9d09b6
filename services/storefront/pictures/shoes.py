"""Shoes."""

from __future__ import annotations

from services.storefront.pictures.palette import BRASS, INK, PAPER
from services.storefront.pictures.sketch import (
    Sketch,
    box,
    circle,
    glow,
    line,
    lying,
    moved,
    path,
    rect,
    shade,
    standing,
)


def sneaker(s: Sketch) -> str:
    upper = "M128 300q40 26 84 0l12 -30q30 -10 52 8q50 74 110 92q84 18 96 76H124q-14 -70 4 -146z"
    sole = "M118 436h368q10 44 -24 44H142q-28 0 -24 -44z"
    toe = "M392 372q84 22 92 78h-110q-8 -50 18 -78z"
    laces = line("M262 316l40 -26M284 340l40 -26M310 358l36 -24", s.trim if s.trim != s.colour else PAPER, 10)
    mark = s.pick(
        (
            path("M190 430q60 -10 96 -70l22 10q-34 60 -84 70z", s.trim),
            line("M196 420l32 -70M226 424l32 -70", s.trim, 12),
            circle(214, 384, 24, s.trim),
        )
    )
    return (
        s.shadow(300, 190)
        + s.solid(
            upper,
            s.colour,
            mark,
            path(toe, PAPER) if s.maybe(0.4) else shade(toe, 0.07),
            rect(110, 290, 60, 46, s.trim),
            shade("M110 412h380v40H110z", 0.1),
            glow("M232 262q30 0 50 40l-18 8q-14 -30 -40 -34z", 0.3),
        )
        + line("M128 300q40 26 84 0", "#1c143040", 9)
        + laces
        + s.solid(
            sole,
            PAPER if s.colour != "#f6f2ea" else "#d9b98a",
            shade("M100 464h400v30H100z"),
            line("M120 454h360", s.trim, 5),
        )
    )


def boot(s: Sketch) -> str:
    d = "M196 130h126q2 90 10 150q10 34 66 46q64 14 68 114H192q-10 -160 4 -310z"
    elastic = path("M258 180h40l-10 96h-20z", "#1c143066") + line(
        "M266 190v70M278 190v76M290 190v70", "#ffffff22", 4
    )
    laced = line("M312 170l-34 10M314 204l-34 10M318 238l-34 10M326 270l-30 16M350 292l-26 22", s.trim, 9)
    return (
        s.shadow(310, 150)
        + s.solid(
            d,
            s.colour,
            s.pick((elastic, laced)),
            shade("M190 330q40 20 60 110h-70z", 0.09),
            shade("M180 400h300v50H180z", 0.08),
            glow("M206 130h14q-10 150 -6 300h-14z", 0.2),
            path("M392 324q74 16 78 120h-70q-20 -70 -8 -120z", "#1c14301c"),
        )
        + path(
            "M186 440h276q4 20 2 40H290l-8 -14h-24l-6 14h-64q-6 -20 -2 -40z", INK if s.maybe(0.6) else s.wood
        )
        + line("M190 440h270", "#d9b98a", 6)
        + line("M196 130v-14q14 -10 26 0v14", s.colour, 8)
        + rect(190, 120, 140, 20, s.colour, 10)
        + shade(box(190, 130, 140, 10, 5), 0.16)
    )


def sandal(s: Sketch) -> str:
    sole = (
        "M230 100c60 -24 96 40 84 130c-8 60 -4 100 4 150c10 70 -20 112 -62 112s-70 -40 -62 "
        "-112c6 -50 4 -90 -8 -150c-14 -70 0 -116 44 -130z"
    )
    one = s.cast(sole) + s.solid(
        sole,
        "#c9a27a",
        shade("M290 80q40 100 14 420h60V80z", 0.1),
        f'<path d="{sole}" fill="none" stroke="{s.wood}" stroke-width="14"/>',
    )
    strapped = (
        one
        + s.solid(
            "M180 180q70 -30 144 -4v56q-70 -24 -142 4zM186 272q64 -26 134 -4v48q-68 -22 -132 6z",
            s.colour,
            shade("M290 100h60v300h-60z", 0.1),
            glow("M180 170h150v12H180z", 0.15),
        )
        + rect(206, 196, 22, 22, BRASS, 4)
        + rect(206, 284, 22, 22, BRASS, 4)
    )
    return moved(strapped, "translate(-66 6) rotate(-5 300 300)") + moved(
        moved(strapped, "translate(600 0) scale(-1 1)"), "translate(66 6) rotate(7 300 300)"
    )


THINGS = {
    "sneaker": standing(sneaker, 1.08),
    "boot": standing(boot, 1.1),
    "sandal": lying(sandal),
}
