"""Things with a plug or a battery."""

from __future__ import annotations

from services.storefront.pictures.palette import BRASS, GRAPHITE, INK, PAPER, STEEL
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


def headphones(s: Sketch) -> str:
    band = "M172 350V296a128 128 0 0 1 256 0v54"
    cups = "".join(
        s.solid(
            box(x, 318, 64, 148, 30),
            s.colour,
            shade(box(x + 40, 300, 40, 180), 0.14),
            glow(box(x + 10, 330, 8, 120), 0.3),
        )
        + rect(inner, 330, 26, 124, s.trim, 13)
        + shade(box(inner, 330, 26, 124, 13), 0.18)
        for x, inner in ((134, 192), (402, 382))
    )
    return (
        s.cast(box(134, 318, 80, 148, 30) + box(386, 318, 80, 148, 30))
        + line(band, GRAPHITE, 12)
        + line("M190 244a128 128 0 0 1 220 0", s.colour, 30)
        + f'<g opacity=".16">{line("M300 182a128 128 0 0 1 110 62", INK, 30)}</g>'
        + cups
    )


def earbuds(s: Sketch) -> str:
    """Two earbuds leaning on their case."""
    case = box(128, 300, 236, 180, 66)
    lid = shade("M128 366h236v7H128z", 0.22) + glow("M128 373h236v4H128z", 0.25)
    drawn = s.solid(case, s.colour, lid, shade("M316 290h60v200h-60z"), glow("M150 330h12v110h-12z"))
    buds = "".join(
        moved(_bud(s), f"translate({x} {y}) rotate({turn})")
        for x, y, turn in ((404, 398, -8), (478, 398, 14))
    )
    return s.shadow(250, 118) + s.shadow(438, 64) + drawn + circle(246, 402, 7, s.trim) + buds


def _bud(s: Sketch) -> str:
    """Around its own middle, the stem down to 80."""
    stem = box(-13, -20, 26, 100, 13)
    return (
        path(stem, s.colour)
        + shade(box(2, 0, 11, 80, 6))
        + circle(0, -30, 36, s.colour)
        + shade("M10 -64a36 36 0 0 1 0 68a60 60 0 0 0 0 -68z")
        + ellipse(-16, -34, 15, 19, GRAPHITE)
        + rect(-13, 66, 26, 14, s.trim, 6)
    )


def speaker(s: Sketch) -> str:
    """A speaker to carry: a round one with a strap, or a broad one."""
    return s.pick((_round_speaker, _broad_speaker))(s)


def _mesh() -> str:
    holes = "".join(f"M{x} {y}h0" for y in range(170, 480, 22) for x in range(130 + y % 44 // 2, 480, 22))
    return f'<g opacity=".22">{line(holes, INK, 7)}</g>'


def _round_speaker(s: Sketch) -> str:
    sides = (shade("M372 140h60v350h-60z", 0.13), glow("M208 230h12v200h-12z", 0.25))
    strap = line("M408 300q50 10 40 70t-40 70", s.wood, 12)
    top = rect(190, 190, 220, 60, s.colour) + rect(190, 246, 220, 8, s.trim)
    return s.shadow(300, 96) + strap + s.solid(box(192, 190, 216, 290, 80), s.colour, _mesh(), top, *sides)


def _broad_speaker(s: Sketch) -> str:
    front = _mesh() + rect(130, 280, 340, 16, s.trim) + circle(300, 384, 22, s.trim)
    sides = (shade("M420 270h60v220h-60z", 0.13), glow("M144 330h12v100h-12z", 0.25))
    return s.shadow(300, 160) + s.solid(box(130, 280, 340, 200, 60), s.colour, front, *sides)


def loudspeaker(s: Sketch) -> str:
    """A speaker for a shelf: a woofer below, a tweeter above."""
    cones = "".join(
        circle(300, y, r + 12, "#1c143055") + circle(300, y, r, GRAPHITE) + circle(300, y, r * 0.45, s.trim)
        for y, r in ((372, 70), (226, 36))
    )
    sides = (shade("M372 140h60v350h-60z", 0.13), glow("M204 160h12v320h-12z", 0.25))
    return s.shadow(300, 108) + s.solid(box(192, 150, 216, 330, s.pick((12, 36))), s.colour, cones, *sides)


_PHONE = box(200, 90, 200, 420, 34)


def phone(s: Sketch) -> str:
    """A telephone, its screen or its back up."""
    return _tilted(s, s.pick((_screen, _back))(s))


def phonecase(s: Sketch) -> str:
    rim = f'<path d="{_PHONE}" fill="none" stroke="#1c1430" stroke-opacity=".16" stroke-width="12"/>'
    return _tilted(s, _back(s) + rim)


def _tilted(s: Sketch, telephone: str) -> str:
    return moved(s.cast(_PHONE) + telephone, f"rotate({s.pick((-16, -9, 10, 18))} 300 300)")


def _screen(s: Sketch) -> str:
    picture = circle(330, 280, 110, s.colour) + path("M200 420q90 -90 190 0v100H200z", s.trim)
    gleam = glow("M212 102h60l-60 220z", 0.15)
    screen = s.solid(box(212, 102, 176, 396, 24), s.ground.floor, picture, gleam)
    return path(_PHONE, INK) + screen + rect(272, 116, 56, 14, INK, 7)


def _back(s: Sketch) -> str:
    lenses = "".join(circle(x, y, 19, INK) + circle(x, y, 9, "#4a6a8a") for x, y in ((246, 138), (290, 182)))
    camera = shade(box(220, 112, 96, 96, 24), 0.12) + lenses + circle(290, 136, 8, "#fff3cf")
    sides = (shade("M370 80h40v440h-40z", 0.1), glow("M200 90h90l-90 300z", 0.14))
    return s.solid(_PHONE, s.colour, *sides) + camera + circle(300, 330, 15, "#ffffff50")


def laptop(s: Sketch) -> str:
    lid = box(150, 190, 300, 220, 18)
    picture = s.solid(
        box(164, 204, 272, 190, 6),
        s.ground.shape,
        circle(356, 268, 36, BRASS),
        path("M150 400l90 -110l60 66l50 -46l110 100z", s.colour),
        path("M150 410l70 -60l80 60z", s.trim),
        glow("M164 204h110l-110 160z", 0.16),
    )
    body = "M150 408h300l56 58q4 14 -14 14H108q-18 0 -14 -14z"
    keys = "M176 424h248M166 438h268"
    return (
        s.shadow(300, 200)
        + path(lid, GRAPHITE if s.maybe(0.5) else STEEL)
        + picture
        + s.solid(
            body,
            STEEL,
            line(keys, GRAPHITE, 8),
            rect(256, 448, 88, 14, "#1c143028", 4),
            shade("M90 470h420v20H90z", 0.18),
            glow("M150 408h300v5H150z", 0.6),
        )
    )


def keyboard(s: Sketch) -> str:
    d = box(90, 210, 420, 190, 24)
    keys = ""
    for row in range(4):
        y, left, wide = 228 + row * 40, 108 + row * 6, 32
        count = 10 if row < 3 else 3
        for n in range(count):
            x = left + n * 37.5
            keys += rect(x, y, wide, 30, PAPER if (row, n) not in ((0, 0), (2, 9)) else s.trim, 6)
    keys += rect(238, 348, 150, 30, PAPER, 6) + "".join(rect(x, 348, 32, 30, PAPER, 6) for x in (396, 436))
    return moved(
        s.cast(d) + s.solid(d, s.colour, shade("M80 384h440v30H80z"), glow("M90 210h420v7H90z", 0.35)) + keys,
        f"rotate({s.pick((-16, -10, 10))} 300 300)",
    )


def mouse(s: Sketch) -> str:
    d = (
        "M300 130c70 0 104 60 104 160v60c0 80 -44 124 -104 124s-104 -44 -104 -124v-60c0 "
        "-100 34 -160 104 -160z"
    )
    return moved(
        line("M300 140C300 60 360 70 380 10", GRAPHITE, 8)
        + s.cast(d)
        + s.solid(
            d,
            s.colour,
            shade("M370 120q60 160 -20 370h90V120z", 0.12),
            glow("M226 250q10 -70 40 -90l8 10q-26 26 -34 84z", 0.4),
            line("M300 130v130M196 280q104 -34 208 0", "#1c143030", 5),
        )
        + rect(286, 186, 28, 60, s.trim, 14)
        + shade(box(300, 186, 14, 60, 7)),
        f"rotate({s.pick((-16, 12, 20))} 300 300)",
    )


def camera(s: Sketch) -> str:
    d = box(124, 236, 352, 244, 34)
    band = rect(124, 296, 352, 124, s.colour)
    lens = (
        circle(300, 358, 104, GRAPHITE)
        + circle(300, 358, 86, INK)
        + circle(300, 358, 60, "#2f4a66")
        + circle(300, 358, 32, "#1c2a40")
        + circle(272, 328, 15, "#ffffff70")
        + circle(330, 388, 7, "#ffffff50")
    )
    return (
        s.shadow(300, 172)
        + path("M232 240l18 -42h100l18 42z", STEEL)
        + shade("M312 198h38l18 42h-56z", 0.12)
        + rect(152, 214, 60, 30, GRAPHITE, 6)
        + rect(398, 206, 40, 36, s.trim, 6)
        + s.solid(
            d,
            STEEL,
            band,
            shade("M430 230h60v260h-60z", 0.12),
            glow("M124 236h352v8H124z", 0.5),
            circle(160, 268, 10, s.trim),
        )
        + lens
        + shade("M300 254a104 104 0 0 1 0 208a140 140 0 0 0 0 -208z", 0.14)
        + rect(270, 208, 60, 20, INK, 4)
    )


def charger(s: Sketch) -> str:
    """A plug and its cable."""
    cable = "M300 330c0 90 -150 40 -150 120s120 70 190 40s110 -40 110 -120v-60"
    plug = box(232, 150, 136, 180, 34)
    return (
        s.cast(plug)
        + line(cable, "#1c143022", 16)
        + line(cable, s.colour, 14)
        + rect(264, 96, 16, 60, STEEL, 5)
        + rect(320, 96, 16, 60, STEEL, 5)
        + s.solid(plug, s.colour, shade("M330 140h50v200h-50z"), glow("M246 160h10v160h-10z"))
        + path("M308 196l-34 54h24l-8 40l36 -56h-24z", s.trim)
        + rect(426, 226, 48, 74, s.colour, 10)
        + shade(box(452, 226, 22, 74, 8))
        + rect(438, 196, 24, 34, STEEL, 4)
    )


THINGS = {
    "headphones": lying(headphones, 1.08),
    "earbuds": standing(earbuds, 1.12),
    "speaker": standing(speaker, 1.04),
    "loudspeaker": standing(loudspeaker, 1.04),
    "phone": lying(phone),
    "phonecase": lying(phonecase),
    "laptop": standing(laptop, 1.14),
    "keyboard": lying(keyboard, 1.1),
    "mouse": lying(mouse),
    "camera": standing(camera, 1.08),
    "charger": lying(charger),
}
