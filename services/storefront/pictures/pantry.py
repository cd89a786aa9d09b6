"""Good things to eat and drink, in their packets."""

from __future__ import annotations

from services.storefront.pictures.palette import BRASS, DEEP_LEAF, GRAPHITE, INK, LEAF, PAPER
from services.storefront.pictures.patterns import surface
from services.storefront.pictures.sketch import (
    Sketch,
    box,
    circle,
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


def _label(s: Sketch, x: int, y: int, width: int, height: int) -> str:
    """A paper label with a mark and two bars: pictures carry no letters."""
    ground = PAPER if s.colour not in ("#f6f2ea", "#e0cba6") else s.trim
    middle = x + width // 2
    mark = s.pick(
        (
            circle(middle, y + height * 0.34, height * 0.17, s.colour),
            path(f"M{middle - 24} {y + height * 0.48:g}q24 -60 48 0z", s.colour),
            path(f"M{middle} {y + height * 0.14:g}l24 26l-24 26l-24 -26z", s.colour),
        )
    )
    return (
        rect(x, y, width, height, ground, 6)
        + mark
        + line(
            f"M{x + 22} {y + height * 0.68:g}h{width - 44}M{x + 40} {y + height * 0.84:g}h{width - 80}",
            s.colour,
            7,
        )
    )


def coffee(s: Sketch) -> str:
    """A bag of coffee, its top rolled and clipped, and a few beans."""
    d = "M196 214q-6 -30 8 -54h192q14 24 8 54l12 242q2 24 -22 24H206q-24 0 -22 -24z"
    beans = "".join(
        moved(
            ellipse(0, 0, 15, 11, "#6b4630") + line("M-9 -3q9 6 18 4", "#3d2619", 3),
            f"translate({x} {y}) rotate({turn})",
        )
        for x, y, turn in ((438, 470, 20), (468, 476, -30), (452, 452, 60), (152, 474, -20))
    )
    return (
        s.shadow(300, 112)
        + s.solid(
            d,
            s.colour,
            rect(190, 420, 230, 60, s.trim) if s.maybe(0.5) else "",
            shade("M372 150q-20 160 6 340h60V150z", 0.13),
            shade("M196 214q104 16 208 0v10q-104 18 -208 0z", 0.14),
            glow("M212 230h14l-8 240h-14z", 0.25),
        )
        + rect(192, 144, 216, 34, s.colour, 6)
        + shade(box(192, 162, 216, 16, 6), 0.2)
        + rect(192, 152, 30, 20, BRASS, 3)
        + rect(378, 152, 30, 20, BRASS, 3)
        + _label(s, 232, 256, 136, 130)
        + beans
    )


def tea(s: Sketch) -> str:
    """A tin of tea, and a bag with its string."""
    d = box(196, 226, 208, 254, 14)
    decor = surface(s, 196, 270, 208, 210, "plain", "plain", "waves", "dots", "stripes")
    bag = (
        line("M404 300q60 20 56 110", s.trim, 4)
        + path("M436 410h48v50l-24 14l-24 -14z", PAPER)
        + shade("M460 410h24v50l-24 14z", 0.08)
        + rect(448, 428, 24, 18, LEAF, 4)
    )
    return (
        s.shadow(300, 110)
        + s.solid(d, s.colour, decor, shade("M352 220h60v270h-60z"), glow("M212 230h13v250h-13z"))
        + s.solid(
            box(188, 194, 224, 62, 14),
            s.colour,
            shade("M352 180h70v90h-70z"),
            shade("M180 246h240v14H180z", 0.16),
            glow("M188 194h224v10H188z", 0.25),
        )
        + rect(272, 178, 56, 20, s.trim, 8)
        + _label(s, 228, 296, 144, 140)
        + bag
    )


def jar(s: Sketch) -> str:
    """A jar of something sweet."""
    body = "M222 236h156q34 12 34 50v162q0 32 -34 32H222q-34 0 -34 -32V286q0 -38 34 -50z"
    inside = {
        "#f6f2ea": "#e9d9a8",
        "#26262c": "#4a2034",
        "#44464e": "#5d3a3a",
        "#aba69c": "#b98a4e",
        "#8db7d8": "#5a5a92",
        "#2b3d69": "#3c2a5e",
    }.get(s.colour, s.colour)
    cloth = s.maybe(0.5)
    lid = s.solid(
        (
            "M206 170q94 -36 188 0l26 66q-22 18 -40 4q-22 18 -40 2q-20 16 -40 2q-20 14 -40 -2"
            "q-18 16 -40 -2q-18 14 -40 -4z"
        ),
        s.trim,
        line(
            "M200 184h220M200 212h220M230 150v110M270 150v110M310 150v110M350 150v110M386 150v110",
            "#ffffff60",
            9,
        ),
        shade("M350 140h90v120h-70z", 0.1),
    ) + line("M214 206q86 22 172 0", s.wood, 6)
    screw = s.solid(
        box(210, 176, 180, 62, 12),
        s.trim,
        line("".join(f"M{x} 190v40" for x in range(224, 390, 16)), "#1c143022", 5),
        glow("M210 176h180v10H210z"),
    )
    return (
        s.shadow(300, 108)
        + s.solid(
            body,
            inside,
            glow("M180 236h240v34H180z", 0.4),
            shade("M360 230h60v260h-60z", 0.12),
            glow("M204 280h15v180h-15z", 0.45),
        )
        + (lid if cloth else screw)
        + _label_on(s, inside)
    )


def _label_on(s: Sketch, inside: str) -> str:
    return (
        path(box(232, 318, 136, 106, 8), PAPER)
        + circle(300, 350, 17, inside)
        + line("M256 384h88M272 404h56", s.trim if s.trim != "#f6f2ea" else inside, 7)
    )


def chocolate(s: Sketch) -> str:
    """A bar, unwrapped at one end."""
    bar = box(206, 110, 188, 200, 10)
    squares = "".join(
        rect(x, y, 52, 44, "#6a402c", 6) + rect(x + 8, y + 7, 36, 28, "#7d4f38", 4)
        for x in (214, 274, 334)
        for y in (120, 172, 224)
    )
    foil = "M196 270l20 -22l22 22l22 -24l20 24l22 -24l20 24l22 -24l20 24l22 -22l18 22v40H196z"
    sleeve = "M190 296h220v210H190z"
    drawn = (
        s.cast(bar)
        + s.cast(sleeve)
        + path(bar, "#56321f")
        + squares
        + path(foil, "#e7e3da")
        + shade("M196 284h208v20H196z", 0.12)
        + s.solid(
            sleeve,
            s.colour,
            surface(s, 190, 296, 220, 210, "plain", "plain", "stripes", "waves", "dots"),
            shade("M384 290h40v230h-40z", 0.12),
        )
        + rect(222, 346, 156, 106, PAPER, 6)
        + line("M252 380h96M268 402h64", s.colour if s.colour != "#f6f2ea" else s.trim, 8)
        + circle(300, 430, 8, s.trim if s.trim != "#f6f2ea" else BRASS)
    )
    return moved(drawn, f"rotate({s.pick((-16, -10, 10, 18))} 300 300)")


def oil(s: Sketch) -> str:
    """A bottle of olive oil."""
    d = s.pick(
        (
            (
                "M276 150h48v70q0 26 26 46q24 20 24 54v134q0 26 -26 26h-96q-26 0 -26 -26V320q0 -34 "
                "24 -54q26 -20 26 -46z"
            ),
            "M278 150h44v80q52 20 52 76v148q0 26 -26 26h-96q-26 0 -26 -26V306q0 -56 52 -76z",
        )
    )
    glass = s.pick(("#7c8a3c", "#55652d", "#b99a35", "#97a552"))
    olives = (
        line("M390 446q50 -26 84 -10", DEEP_LEAF, 6)
        + "".join(
            moved(ellipse(0, 0, 11, 26, LEAF), f"translate({x} {y}) rotate({turn})")
            for x, y, turn in ((420, 426, 50), (448, 420, 100), (478, 440, 120))
        )
        + circle(430, 462, 17, "#6d7a35")
        + circle(466, 464, 15, "#8b9a48")
    )
    return (
        s.shadow(300, 78)
        + s.solid(
            d, glass, shade("M342 140h50v350h-50z", 0.16), glow("M236 300h13v170h-13zM284 160h8v80h-8z", 0.35)
        )
        + rect(270, 112, 60, 52, s.trim if s.trim != "#f6f2ea" else INK, 6)
        + shade(box(308, 112, 22, 52, 6))
        + _label(s, 234, 340, 132, 104)
        + (olives if s.maybe(0.7) else "")
    )


def cordial(s: Sketch) -> str:
    """A tall bottle of syrup or cordial."""
    d = (
        "M274 130h52v110q0 20 24 40q18 16 18 44v128q0 28 -28 28h-80q-28 0 -28 -28V324q0 -28 "
        "18 -44q24 -20 24 -40z"
    )
    return (
        s.shadow(300, 68)
        + s.solid(
            d,
            s.colour,
            shade("M336 120h50v370h-50z", 0.14),
            glow("M244 320h12v150h-12zM282 140h8v100h-8z", 0.35),
        )
        + rect(268, 96, 64, 96, s.trim if s.trim != "#f6f2ea" else GRAPHITE, 6)
        + shade(box(308, 96, 24, 96, 6))
        + rect(268, 176, 64, 8, BRASS)
        + _label(s, 236, 332, 128, 110)
    )


THINGS = {
    "coffee": standing(coffee, 1.08),
    "tea": standing(tea, 1.12),
    "jar": standing(jar, 1.14),
    "chocolate": lying(chocolate),
    "oil": standing(oil, 1.06),
    "cordial": standing(cordial, 1.04),
}
