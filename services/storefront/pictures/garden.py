"""Plants and what keeps them alive."""

from __future__ import annotations

from collections.abc import Callable

from services.storefront.pictures.palette import DEEP_LEAF, LEAF, STEEL
from services.storefront.pictures.patterns import dipped, surface
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

FRESH = "#7fb274"


Plant = Callable[[Sketch, int], str]


def planter(s: Sketch) -> str:
    """A pot, with whatever grows in it."""
    return _potted(s, s.pick((_monstera, _sansevieria, _cactus, _ficus)))


def monstera(s: Sketch) -> str:
    return _potted(s, _monstera)


def sansevieria(s: Sketch) -> str:
    return _potted(s, _sansevieria)


def cactus(s: Sketch) -> str:
    return _potted(s, _cactus)


def ficus(s: Sketch) -> str:
    return _potted(s, _ficus)


def _potted(s: Sketch, plant: Plant) -> str:
    top = s.between(330, 350)
    deep = 480 - top
    pot = s.pick(
        (
            f"M216 {top}h168l-20 {deep}H236z",
            box(218, top, 164, deep, 26),
            f"M206 {top}h188q0 {deep} -60 {deep}h-68q-60 0 -60 {-deep}z",
        )
    )
    glazes = ("plain", "plain", "bands", "speckle", "stripes", "waves")
    decor = dipped(s, top + 84) if s.maybe(0.3) else surface(s, 200, top + 20, 200, deep - 20, *glazes)
    sides = (shade(f"M336 {top}h70v160h-80z"), glow(f"M232 {top}h13v160h-6z"))
    rim = rect(204, top - 14, 192, 26, s.colour, 8) + shade(box(204, top + 2, 192, 10, 5), 0.16)
    return s.shadow(300, 78) + plant(s, top) + s.solid(pot, s.colour, decor, *sides) + rim


def _monstera(_s: Sketch, top: int) -> str:
    leaf = "M0 0C-58 -8 -76 -66 -44 -104C-34 -118 -10 -124 0 -128C10 -124 34 -118 44 -104C76 -66 58 -8 0 0z"
    gaps = "M-66 -62l40 6M-58 -34l34 -4M66 -62l-40 6M58 -34l-34 -4"
    spots = (
        (232, 280, -52, LEAF),
        (370, 270, 50, DEEP_LEAF),
        (262, 214, -18, DEEP_LEAF),
        (330, 204, 20, LEAF),
    )
    stems = line("".join(f"M300 {top}Q300 {y + 30} {x} {y}" for x, y, _, _ in spots), DEEP_LEAF, 7)
    return stems + "".join(
        moved(
            path(leaf, colour) + line("M0 -4V-118" + gaps, "#1c143030", 4),
            f"translate({x} {y}) rotate({turn})",
        )
        for x, y, turn, colour in spots
    )


def _sansevieria(s: Sketch, top: int) -> str:
    blades = ((-46, -22, 190), (52, 20, 200), (-24, -9, 250), (26, 8, 236), (0, 0, 280))
    drawn = ""
    for dx, turn, tall in blades:
        blade = f"M-20 0C-32 {-tall // 2} -14 {-tall + 30} 0 {-tall}C14 {-tall + 30} 32 {-tall // 2} 20 0z"
        drawn += moved(
            path(blade, "#c9cf7e") + moved(path(blade, s.pick((LEAF, DEEP_LEAF))), "scale(.68 .97)"),
            f"translate({300 + dx} {top}) rotate({turn})",
        )
    return drawn


def _cactus(s: Sketch, top: int) -> str:
    body = (
        line(f"M300 {top}V190", LEAF, 78)
        + line(f"M330 {top - 40}h56q20 0 20 -20v-44", LEAF, 40)
        + line(f"M270 {top - 70}h-50q-20 0 -20 -20v-30", LEAF, 36)
    )
    ribs = line(f"M284 {top}V176M316 {top}V176M404 {top - 66}v-36M200 {top - 96}v-22", DEEP_LEAF, 5)
    flower = "".join(
        moved(
            ellipse(0, -16, 9, 16, s.trim if s.trim != "#2f5941" else "#e98f7f"),
            f"translate(300 158) rotate({turn})",
        )
        for turn in (-60, -30, 0, 30, 60)
    )
    return body + ribs + flower


def _ficus(_s: Sketch, top: int) -> str:
    spots = ((-62, 30), (64, 52), (-54, 84), (56, 108), (-40, 136), (38, 156), (0, 176))
    leaf = "M0 0C-34 -26 -32 -74 0 -100C32 -74 34 -26 0 0z"
    leaves = "".join(
        moved(
            path(leaf, LEAF if n % 2 else DEEP_LEAF) + shade("M0 0C34 -26 32 -74 0 -100z", 0.12),
            f"translate({300 + turn * 0.14:g} {top - up}) rotate({turn})",
        )
        for n, (turn, up) in enumerate(spots)
    )
    return line(f"M300 {top}V{top - 180}", "#7b5137", 9) + leaves


def can(s: Sketch) -> str:
    """A watering can."""
    body = "M220 300h170l16 160q2 20 -20 20H224q-22 0 -20 -20z"
    spout = "M216 440L120 300l22 -16l90 96z"
    return (
        s.shadow(300, 116)
        + line("M380 320c110 -60 120 110 22 116", s.trim if s.maybe(0.4) else s.colour, 20)
        + line("M250 300c0 -80 110 -80 110 0", s.colour, 16)
        + path(spout, s.colour)
        + shade(spout, 0.1)
        + moved(
            ellipse(0, 0, 14, 38, s.colour) + ellipse(-6, 0, 9, 32, "#1c143040"),
            "translate(124 288) rotate(-38)",
        )
        + s.solid(
            body,
            s.colour,
            rect(190, 408, 240, 20, s.trim),
            shade("M344 290h90v200h-76z"),
            glow("M234 300h14l-10 180h-14z"),
        )
        + rect(212, 290, 186, 20, s.colour, 10)
        + shade(box(212, 300, 186, 10, 5), 0.2)
    )


def trowel(s: Sketch) -> str:
    """A hand trowel and a hand fork."""
    blade = "M300 330c50 40 56 110 0 190c-56 -80 -50 -150 0 -190z"
    tool = (
        s.cast(blade)
        + s.cast(box(280, 90, 40, 170, 20))
        + line("M300 250v90", STEEL, 16)
        + s.solid(blade, STEEL, shade("M300 300h90v240h-90z", 0.12))
    )
    grip = s.solid(
        box(280, 90, 40, 170, 20), s.wood, rect(270, 90, 60, 44, s.colour), shade("M304 80h30v200h-30z")
    ) + circle(300, 112, 6, "#fff9")
    fork = line("M250 430v-70q0 -26 50 -26t50 26v70M300 330v120", STEEL, 13)
    other = (
        s.cast(box(280, 90, 40, 170, 20))
        + line("M300 250v90", STEEL, 16)
        + fork
        + s.solid(
            box(280, 90, 40, 170, 20), s.wood, rect(270, 90, 60, 44, s.colour), shade("M304 80h30v200h-30z")
        )
    )
    return moved(tool + grip, "rotate(-14 300 300) translate(-76 -6)") + moved(
        other, "rotate(14 300 300) translate(84 6)"
    )


def seeds(s: Sketch) -> str:
    """A paper packet of seeds."""
    packet = "M196 120h208v370H196z"
    sprout = line("M300 420V268", DEEP_LEAF, 9) + path(
        "M300 330c-74 4 -86 -48 -88 -70c52 -2 86 20 88 70zM300 300c70 0 84 -42 86 -66c-50 0 -84 20 -86 66z",
        LEAF,
    )
    sun = circle(300, 300, 92, s.ground.wall if s.colour != "#f6f2ea" else "#f7e2a2")
    drawn = (
        s.cast(packet)
        + s.solid(
            packet,
            s.colour,
            rect(196, 120, 208, 56, s.trim),
            sun,
            rect(196, 412, 208, 80, "#6b4630"),
            sprout,
            shade("M380 100h40v400h-40z", 0.1),
            glow("M196 100h10v400h-10z"),
        )
        + line("M196 176h208", "#1c143026", 4)
        + line("M240 450h120M262 468h76", "#ffffffa0", 7)
    )
    return moved(drawn, f"rotate({s.pick((-9, -5, 6, 10))} 300 300)")


THINGS = {
    "planter": standing(planter, 1.1),
    "monstera": standing(monstera, 1.1),
    "sansevieria": standing(sansevieria, 1.1),
    "cactus": standing(cactus, 1.1),
    "ficus": standing(ficus, 1.1),
    "can": standing(can, 1.12),
    "trowel": lying(trowel),
    "seeds": lying(seeds),
}
