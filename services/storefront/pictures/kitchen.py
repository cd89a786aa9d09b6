"""Things for cooking and eating."""

from __future__ import annotations

from services.storefront.pictures.palette import BRASS, GRAPHITE, INK, PAPER, STEEL
from services.storefront.pictures.patterns import dipped, surface
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


def pan(s: Sketch) -> str:
    egg = s.maybe(0.45)
    handle = (
        rect(392, 281, 190, 34, s.wood, 17)
        + shade(box(392, 300, 190, 15, 8), 0.14)
        + circle(560, 298, 7, "#1c143066")
    )
    body = disc(250, 300, 170)
    inside = disc(250, 300, 146)
    drawn = (
        s.cast(body)
        + s.cast(box(392, 281, 190, 34, 17))
        + handle
        + rect(384, 276, 44, 44, GRAPHITE, 10)
        + path(body, s.colour)
        + shade("M250 130a170 170 0 0 1 0 340a200 200 0 0 0 0 -340z", 0.12)
        + s.solid(
            inside,
            GRAPHITE,
            shade("M250 154a146 146 0 0 1 0 292a300 300 0 0 1 -146 -146a146 146 0 0 1 146 -146z", 0.25),
            glow("M120 270L250 140h46L120 330z", 0.07),
        )
    )
    yolk = (
        (
            path(
                "M196 262c30 -34 84 -26 104 4s44 30 32 68s-60 50 -98 36s-66 -8 -70 -46s10 -38 32 -62z", PAPER
            )
            + circle(252, 312, 36, "#f0b13c")
            + circle(241, 301, 9, "#ffffff90")
        )
        if egg
        else line("M156 268a110 110 0 0 1 62 -66", "#ffffff50", 10)
    )
    return moved(drawn + yolk, f"rotate({s.pick((-38, -30, 32, 40))} 300 300)")


def pot(s: Sketch) -> str:
    top, half = s.between(300, 330), s.between(142, 164)
    left, right, height = 300 - half, 300 + half, 480 - top
    body = f"M{left} {top}h{2 * half}v{height - 46}q0 46 -46 46h{92 - 2 * half}q-46 0 -46 -46z"
    lid = f"M{left - 6} {top}c10 -70 80 -92 {half + 6} -92s{half - 4} 22 {half + 6} 92z"
    ears = "".join(
        line(f"M{x} {top + 34}h{dx}v34h{-dx}", s.colour, 18) for x, dx in ((left, -34), (right, 34))
    )
    knob = BRASS if s.maybe(0.5) else s.wood
    return (
        s.shadow(300, half)
        + ears
        + s.solid(
            body,
            s.colour,
            shade(f"M{right - 70} {top}h90v300h-90z"),
            glow(f"M{left + 26} {top}h18v300h-18z", 0.25),
        )
        + rect(288, top - 118, 24, 30, GRAPHITE, 4)
        + rect(270, top - 130, 60, 24, knob, 12)
        + s.solid(
            lid,
            s.colour,
            shade(f"M{right - 90} 100c30 60 60 100 90 {top}h60V100z"),
            glow(f"M{left + 40} {top - 30}q30 -40 80 -46l4 10q-50 10 -72 40z", 0.35),
        )
        + rect(left - 12, top - 8, 2 * half + 24, 16, s.colour, 8)
        + shade(box(left - 12, top, 2 * half + 24, 8, 4), 0.2)
    )


def knife(s: Sketch) -> str:
    belly = s.between(60, 92)
    blade = f"M286 70c{belly} 60 {belly} 190 {belly - 10} 262h{-(belly - 10)}z"
    handle = "M276 336h64c8 60 4 130 -6 178q-22 20 -46 0c-14 -60 -16 -120 -12 -178z"
    grip = s.pick((s.wood, s.wood, s.colour, INK))
    drawn = (
        s.cast(blade)
        + s.cast(handle)
        + s.solid(
            blade,
            "#dfe4e8",
            path(f"M286 70c{belly - 34} 60 {belly - 34} 190 {belly - 44} 262h-90v-300z", "#c8ced4"),
            glow("M300 60l60 300h-20l-56 -280z", 0.5),
        )
        + rect(276, 326, 64, 18, STEEL, 4)
        + s.solid(handle, grip, shade("M314 330h60v220h-70z", 0.16))
        + circle(308, 380, 7, "#fff8")
        + circle(307, 430, 7, "#fff8")
        + circle(306, 480, 7, "#fff8")
    )
    return moved(drawn, f"rotate({s.pick((28, 34, 40, -32))} 300 300)")


def board(s: Sketch) -> str:
    half = s.between(120, 145)
    d = box(300 - half, 140, 2 * half, 350, s.pick((24, 46, 90)))
    grain = "".join(
        line(f"M{300 - half} {y}q{half} {s.between(-26, 26)} {2 * half} 0", "#1c14301a", 5)
        for y in range(190, 480, s.between(38, 60))
    )
    grip = box(268, 70, 64, 110, 30)
    fruit = (
        (
            s.cast(disc(250, 380, 56), 8, 10)
            + circle(250, 380, 56, BRASS)
            + circle(250, 380, 47, "#f9e7b0")
            + line("M250 340v80M210 380h80M222 352l56 56M278 352l-56 56", "#edc866", 6)
        )
        if s.maybe(0.6)
        else ""
    )
    sprig = line(
        "M340 250q-30 40 -70 50M330 262l24 22M312 280l14 26M300 288l-18 -24M322 270l-16 -26", "#4f8a63", 10
    )
    drawn = (
        s.cast(d)
        + s.cast(grip)
        + path(grip, s.wood)
        + s.solid(
            d,
            s.wood,
            grain,
            shade(f"M{300 + half - 14} 100h40v420h-40z", 0.16),
            glow(f"M{300 - half} 100h10v420h-10z"),
        )
        + circle(300, 104, 13, s.ground.floor)
        + shade(disc(300, 104, 13), 0.25)
        + fruit
        + sprig
    )
    return moved(drawn, f"rotate({s.pick((-24, -16, 14, 22))} 300 300)")


def spoon(s: Sketch) -> str:
    """A crock with the tools that stand beside the stove."""
    top = s.between(316, 336)
    crock = f"M204 {top}h192l-8 {480 - top - 24}q-2 24 -26 24h-124q-24 0 -26 -24z"
    tools = (
        line(f"M262 {top + 20}L226 200", s.wood, 14)
        + moved(ellipse(0, 0, 30, 44, s.wood), "translate(216 160) rotate(-14)")
        + line(f"M300 {top + 20}V190", STEEL, 12)
        + line(
            (
                "M300 190c-46 -50 -34 -110 0 -116c34 6 46 66 0 116M300 190c-18 -40 -16 -90 0 -116"
                "c16 26 18 76 0 116"
            ),
            STEEL,
            7,
        )
        + line(f"M338 {top + 20}L372 220", s.wood, 14)
        + moved(rect(-30, -64, 60, 100, s.trim, 14), "translate(384 170) rotate(16)")
    )
    decor = (
        dipped(s, top + 90)
        if s.maybe(0.4)
        else surface(s, 200, top + 16, 200, 480 - top - 20, "plain", "bands", "speckle", "waves")
    )
    return (
        s.shadow(300, 92)
        + tools
        + s.solid(crock, s.colour, decor, shade(f"M340 {top}h80v200h-80z"), glow(f"M220 {top}h14v200h-14z"))
        + rect(196, top - 12, 208, 24, s.colour, 12)
        + shade(box(196, top + 2, 208, 10, 5), 0.16)
    )


def plate(s: Sketch) -> str:
    inner = s.between(104, 124)
    rim = surface(s, 110, 110, 380, 380, "plain", "plain", "speckle", "dots", "stripes", "waves")
    bowl = s.between(62, 78)
    return (
        s.cast(disc(300, 300, 190))
        + s.solid(
            disc(300, 300, 190),
            s.colour,
            rim,
            shade("M300 110a190 190 0 0 1 0 380a230 230 0 0 0 0 -380z", 0.08),
        )
        + circle(300, 300, inner + 8, "#1c143014")
        + circle(300, 300, inner, s.colour)
        + f'<circle cx="300" cy="300" r="{inner}" fill="#fff" fill-opacity=".18"/>'
        + (
            s.cast(disc(300, 300, bowl), 8, 10)
            + circle(300, 300, bowl, s.trim)
            + shade(disc(300, 300, bowl - 9), 0.16)
            + shade(disc(296, 296, bowl - 22), 0.08)
            if s.maybe(0.55)
            else (
                '<path d="M216 262a96 96 0 0 1 60 -54" fill="none" stroke="#fff" stroke-opa'
                'city=".5" stroke-width="9" stroke-linecap="round"/>'
            )
        )
    )


THINGS = {
    "pan": lying(pan),
    "pot": standing(pot, 1.08),
    "knife": lying(knife),
    "board": lying(board),
    "spoon": standing(spoon, 1.12),
    "plate": lying(plate),
}
