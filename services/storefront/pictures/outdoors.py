"""What one takes along."""

from __future__ import annotations

from services.storefront.pictures.palette import DEEP_LEAF, GRAPHITE, INK, LEAF, PAPER, STEEL
from services.storefront.pictures.patterns import dipped, surface
from services.storefront.pictures.sketch import (
    Sketch,
    box,
    circle,
    disc,
    ellipse,
    faded,
    glow,
    line,
    lying,
    moved,
    path,
    rect,
    shade,
    standing,
)


def tent(s: Sketch) -> str:
    dome = "M104 480C120 300 200 200 300 200s180 100 196 280z"
    ridge = "M300 170L96 480h408z"
    shape = s.pick((dome, ridge))
    door = "M300 236L226 480h148z"
    trees = (
        "".join(
            path(f"M{x} {y}l44 96h-88zM{x} {y + 56}l58 120h-116z", colour)
            for x, y, colour in ((112, 268, DEEP_LEAF), (478, 244, LEAF))
        )
        if s.maybe(0.6)
        else ""
    )
    return (
        trees
        + s.shadow(300, 210)
        + line("M120 440L70 482M480 440L530 482", STEEL, 5)
        + s.solid(
            shape,
            s.colour,
            shade("M300 150l210 340H370z", 0.14),
            glow("M300 190L150 480h40z", 0.14),
            rect(90, 460, 420, 20, s.trim),
            path(door, "#1c143099"),
            path("M300 236L226 480h46z", s.trim),
            path("M300 236l74 244h-30z", s.trim),
            line("M300 236v-80", "#1c143030", 5),
        )
    )


def bicycle(s: Sketch) -> str:
    wheels = "".join(
        (
            f'<circle cx="{x}" cy="374" r="100" fill="none" stroke="{INK}" stroke-width="13"/><'
            f'circle cx="{x}" cy="374" r="88" fill="none" stroke="{s.trim}" stroke-width="5"/>'
        )
        + (
            f'<path d="M{x - 88} 374h176M{x} 286v176M{x - 62} 312l124 124M{x + 62} 312l-124 124" '
            f'stroke="{STEEL}" stroke-width="3"/>'
        )
        for x in (152, 448)
    )
    frame = line("M152 374L226 230H386L290 374zM226 230L290 374M210 196L226 230", s.colour, 14) + line(
        "M376 176L448 374", s.colour, 14
    )
    bars = line("M376 180l-6 -20q10 -16 44 -12t20 36", GRAPHITE, 10) + line("M424 186l10 -4", s.wood, 15)
    basket = (
        path("M408 200h92l-12 70h-68z", s.wood) + line("M416 224h78M420 246h70", "#1c143040", 5)
        if s.maybe(0.45)
        else ""
    )
    saddle = path("M170 186q6 -16 34 -12l46 8q10 6 -6 12l-48 6q-22 0 -26 -14z", s.wood)
    return (
        s.shadow(300, 240, 480, 12)
        + wheels
        + frame
        + saddle
        + bars
        + basket
        + circle(290, 374, 26, GRAPHITE)
        + circle(290, 374, 14, STEEL)
        + line("M290 374l22 38M300 412h28", INK, 9)
        + circle(152, 374, 11, GRAPHITE)
        + circle(448, 374, 11, GRAPHITE)
    )


def helmet(s: Sketch) -> str:
    d = "M110 400c0 -130 80 -220 196 -220s184 90 184 200q0 26 -30 26H140q-30 0 -30 -6z"
    vents = "".join(
        moved(box_path, "")
        for box_path in (
            path("M176 330q30 -84 110 -100q-60 46 -66 110z", "#1c143090"),
            path("M262 340q10 -80 66 -106q-24 50 -18 110z", "#1c143090"),
            path("M352 340q-10 -70 14 -104q54 36 60 104z", "#1c143090"),
        )
    )
    stripe = line("M130 370q20 -150 170 -172", s.trim, 12)
    return (
        s.shadow(300, 150)
        + line("M180 404q50 90 130 70q90 -20 90 -70", INK, 11)
        + s.solid(
            d,
            s.colour,
            vents,
            stripe if s.maybe(0.5) else "",
            shade("M420 190q60 110 30 230h80V190z", 0.12),
            shade("M100 384h420v30H100z", 0.16),
            glow("M130 330q20 -90 90 -126l8 12q-60 36 -80 116z", 0.3),
        )
        + rect(296, 462, 30, 18, s.trim, 5)
    )


def bottle(s: Sketch) -> str:
    half = s.between(58, 74)
    top = s.between(204, 226)
    body = (
        f"M{300 - half + 14} {top}h{2 * half - 28}q14 24 14 60v{480 - top - 82}q0 22 -22 22"
        f"h{44 - 2 * half}q-22 0 -22 -22v-{480 - top - 82}q0 -36 14 -60z"
    )
    decor = s.pick(
        (
            dipped(s, 400),
            rect(200, 340, 200, 40, s.trim),
            path("M200 420l60 -80l40 50l30 -30l80 80v60H200z", s.trim),
            "",
            "",
        )
    )
    cap = s.pick((s.wood, INK, s.trim))
    return (
        s.shadow(300, half)
        + (line(f"M270 {top - 34}q0 -58 30 -58t30 58", cap, 12) if s.maybe(0.6) else "")
        + rect(258, top - 44, 84, 48, cap, 10)
        + shade(box(316, top - 44, 26, 48, 8))
        + s.solid(
            body,
            s.colour,
            decor,
            shade(f"M{300 + half - 34} {top}h50v300h-50z"),
            glow(f"M{300 - half + 14} {top + 20}h12v260h-12z", 0.28),
        )
        + rect(300 - half + 12, top - 4, 2 * half - 24, 12, STEEL, 4)
    )


def mat(s: Sketch) -> str:
    """A rolled mat with its strap."""
    roll = box(110, 372, 380, 108, 54)
    rings = "".join(
        f'<circle cx="436" cy="426" r="{r}" fill="none" stroke="{s.trim}" stroke-width="7"/>'
        for r in (18, 34)
    )
    return (
        s.shadow(300, 190)
        + line("M210 376q90 -150 180 0", s.wood, 12)
        + s.solid(
            roll,
            s.colour,
            surface(s, 110, 372, 300, 110, "plain", "plain", "waves", "dots"),
            shade("M100 446h400v40H100z", 0.12),
            glow("M120 384h300v12H120z", 0.22),
        )
        + circle(436, 426, 54, s.colour)
        + shade(disc(436, 426, 54), 0.1)
        + rings
        + circle(436, 426, 6, s.trim)
        + "".join(rect(x, 370, 20, 112, s.wood, 6) for x in (200, 374))
    )


def dumbbell(s: Sketch) -> str:
    bar = rect(180, 283, 240, 34, STEEL, 8) + shade(box(180, 300, 240, 17, 6), 0.18)
    ends = "".join(
        s.solid(
            box(x, y, w, h, 16), s.colour, shade(box(0, 340, 600, 80), 0.14), glow(box(0, y, 600, 14), 0.25)
        )
        for x, y, w, h in ((132, 206, 60, 188), (92, 236, 46, 128), (408, 206, 60, 188), (462, 236, 46, 128))
    )
    grip = "".join(rect(x, 283, 6, 34, "#1c143040") for x in range(236, 366, 14))
    return moved(
        s.cast(box(92, 236, 416, 128, 20)) + bar + grip + ends + line("M162 236v128M438 236v128", s.trim, 7),
        f"rotate({s.pick((-24, -14, 18))} 300 300)",
    )


def ball(s: Sketch) -> str:
    """A beach ball."""
    return _round(s, path("M300 180q-150 40 -150 150h150zM300 480q110 -20 160 -150H300z", s.trim))


def football(s: Sketch) -> str:
    seams = "M300 268V180M358 310l92 -34M336 378l54 80M264 378l-54 80M242 310l-92 -34"
    return _round(s, path("M300 268l58 42l-22 68h-72l-22 -68z", s.trim) + line(seams, s.trim, 9))


def basketball(s: Sketch) -> str:
    return _round(s, line("M300 170v320M140 330h320M190 200q110 130 0 260M410 200q-110 130 0 260", s.trim, 9))


def _round(s: Sketch, surface: str) -> str:
    far = shade("M390 190a220 220 0 0 1 -180 280q150 60 280 -40V190z", 0.14)
    gleam = ellipse(240, 250, 40, 26, "#ffffff50")
    return s.shadow(300, 104) + s.solid(disc(300, 330, 150), s.colour, surface, far, gleam)


def lantern(s: Sketch) -> str:
    glass = "M232 250h136q24 70 0 150H232q-24 -80 0 -150z"
    return (
        faded(circle(300, 326, 150, "#ffe39a"), 0.35)
        + s.shadow(300, 92)
        + line("M212 250q-20 -150 88 -150t88 150", GRAPHITE, 9)
        + rect(248, 176, 104, 30, s.colour, 12)
        + s.solid(
            "M222 252q10 -56 78 -56t78 56z",
            s.colour,
            shade("M330 190h60v70h-40z"),
            glow("M246 250q4 -34 40 -44l4 8q-26 10 -28 36z"),
        )
        + s.solid(
            glass,
            "#fff3cf",
            path("M300 288c30 36 26 74 0 78c-26 -4 -30 -42 0 -78z", "#f3b54a"),
            path("M300 322c12 14 12 38 0 40c-12 -2 -12 -26 0 -40z", "#fff8e0"),
            glow("M240 260h14q-14 70 0 140h-14z", 0.8),
        )
        + line("M256 252v148M344 252v148", GRAPHITE, 6)
        + s.solid(
            "M216 400h168l14 64q2 16 -14 16H216q-16 0 -14 -16z",
            s.colour,
            shade("M340 390h70v100h-50z"),
            glow("M228 404h12l-8 70h-14z"),
            rect(200, 430, 210, 12, s.trim),
        )
    )


def bedroll(s: Sketch) -> str:
    """A sleeping bag, half open."""
    d = "M212 96q88 -40 176 0q30 90 24 250q-4 130 -44 150q-68 20 -136 0q-40 -20 -44 -150q-6 -160 24 -250z"
    quilt = line("".join(f"M150 {y}q150 30 300 0" for y in range(190, 500, 52)), "#1c14302a", 6)
    hood = "M224 118q76 -30 152 0q16 60 10 110q-86 30 -172 0q-6 -60 10 -110z"
    return moved(
        s.cast(d)
        + s.solid(
            d,
            s.colour,
            quilt,
            path(hood, s.trim),
            shade("M370 80q60 200 0 430h80V80z", 0.1),
            path("M300 230q70 40 62 -20l60 -30v140q-90 -10 -122 -90z", s.trim),
        )
        + line("M300 240V470", "#1c143040", 6)
        + rect(240, 140, 120, 60, PAPER, 28)
        + shade(box(240, 180, 120, 20, 10), 0.1),
        f"rotate({s.pick((-16, -8, 10, 18))} 300 300)",
    )


THINGS = {
    "tent": standing(tent, 1.06),
    "bicycle": standing(bicycle, 0.98),
    "helmet": standing(helmet, 1.06),
    "bottle": standing(bottle, 1.14),
    "mat": standing(mat, 1.14),
    "dumbbell": lying(dumbbell),
    "ball": standing(ball, 1.06),
    "football": standing(football, 1.06),
    "basketball": standing(basketball, 1.06),
    "lantern": standing(lantern),
    "bedroll": lying(bedroll),
}
