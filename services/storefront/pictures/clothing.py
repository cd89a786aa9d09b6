"""Clothes, laid out flat."""

from __future__ import annotations

from services.storefront.pictures.palette import BRASS, PAPER
from services.storefront.pictures.patterns import surface
from services.storefront.pictures.sketch import (
    Sketch,
    box,
    circle,
    line,
    lying,
    moved,
    path,
    rect,
    shade,
)

CREASE = "#1c143024"


def laid(s: Sketch, drawn: str) -> str:
    return moved(drawn, f"rotate({s.pick((-5, -3, 0, 3, 5))} 300 300)")


def tee(s: Sketch) -> str:
    d = (
        "M226 118q74 44 148 0l62 24q16 6 24 22l46 88l-78 40l-18 -34v212q0 12 -12 12H202q-12 "
        "0 -12 -12V258l-18 34l-78 -40l46 -88q8 -16 24 -22z"
    )
    decor = surface(s, 90, 190, 420, 300, "plain", "plain", "bands", "bands", "stripes", "dots")
    pocket = path("M336 240h62v58q-31 18 -62 0z", s.trim) if s.maybe(0.35) else ""
    return laid(
        s,
        s.cast(d)
        + s.solid(
            d,
            s.colour,
            decor,
            pocket,
            shade("M392 258h30v240h-46q30 -120 16 -240z", 0.08),
            shade("M178 258h18v240h-18z", 0.06),
            shade("M190 462h224v30H190z", 0.08),
        )
        + line("M226 118q74 44 148 0", "#1c143030", 14)
        + line("M226 118q74 44 148 0", s.colour, 9)
        + line("M190 290v-40M410 290v-40", CREASE, 4),
    )


def shirt(s: Sketch) -> str:
    """A shirt with buttons and a collar."""
    d = (
        "M232 112l68 34l68 -34l58 22q20 8 26 30l48 200l-62 20l-28 -110v206q0 14 -14 14H204"
        "q-14 0 -14 -14V274l-28 110l-62 -20l48 -200q6 -22 26 -30z"
    )
    decor = surface(s, 90, 110, 420, 390, "plain", "stripes", "checks", "checks", "plain")
    collar = "M232 112l-14 10l38 62l44 -38l44 38l38 -62l-14 -10q-68 22 -136 0z"
    buttons = "".join(
        circle(300, y, 6, PAPER if s.colour != "#f6f2ea" else "#b9b2a6") for y in range(206, 480, 46)
    )
    return laid(
        s,
        s.cast(d)
        + s.solid(
            d,
            s.colour,
            decor,
            shade("M300 150h5v360h-5z", 0.12),
            shade("M382 270h40v240h-40z", 0.08),
            shade("M190 462h220v40H190z", 0.06),
        )
        + line("M190 300v-40M410 300v-40", CREASE, 4)
        + path("M236 116q64 50 128 0q-64 16 -128 0z", "#1c143040")
        + path(collar, s.colour)
        + line("M218 122l38 62l44 -38l44 38l38 -62", CREASE, 4)
        + buttons
        + (line("M338 236h50v50q-25 12 -50 0z", CREASE, 4) if s.maybe(0.6) else ""),
    )


def dress(s: Sketch) -> str:
    skirt = s.between(0, 24)
    d = (
        "M238 96l24 -8q38 40 76 0l24 8q12 4 16 16l22 62l-44 22l-8 -22l10 84q60 110 "
        f"{72 + skirt} 240q-{130 + skirt} 40 -{260 + 2 * skirt} 0q12 -130 {72 + skirt} -240"
        "l10 -84l-8 22l-44 -22l22 -62q4 -12 16 -16z"
    )
    decor = surface(s, 130, 90, 340, 440, "plain", "dots", "stripes", "waves", "speckle", "checks")
    return laid(
        s,
        s.cast(d)
        + s.solid(
            d,
            s.colour,
            decor,
            shade(
                (
                    "M340 262q70 110 60 270h80V262zM260 300q-20 120 -30 240h14q0 -120 26 -240zM320 300"
                    "q20 120 16 240h14q0 -130 -18 -240z"
                ),
                0.09,
            ),
        )
        + line("M242 258q58 14 116 0", s.trim, 12)
        + line("M262 90q38 40 76 0", "#1c143030", 5),
    )


def trousers(s: Sketch) -> str:
    narrow = (
        "M214 92h172l34 396q0 10 -10 10h-64q-10 0 -11 -10l-35 -250l-35 250q-1 10 -11 10h-64q-10 0 -10 -10z"
    )
    wide = "M212 92h176l54 392q0 14 -12 14h-92q-10 0 -11 -10l-27 -240l-27 240q-1 10 -11 10h-92q-12 0 -12 -14z"
    return _legs(s, s.pick((narrow, wide)), 92)


def shorts(s: Sketch) -> str:
    d = "M208 150h184l36 190q2 14 -12 16l-82 6q-10 0 -12 -8l-22 -74l-22 74q-2 8 -12 8l-82 -6q-14 -2 -12 -16z"
    return _legs(s, d, 150)


def _legs(s: Sketch, d: str, top: int) -> str:
    """Trousers of any length, the waistband at `top`."""
    cloth = surface(s, 150, 120, 300, 380, "plain", "plain", "plain", "plain", "stripes")
    waist = rect(100, top, 400, 24, s.colour) + shade(f"M100 {top + 22}h400v5H100z")
    pockets = f"M300 {top + 26}v70q0 14 -14 18M222 {top + 30}q34 6 40 54M378 {top + 30}q-34 6 -40 54"
    loops = "".join(
        rect(x, top - 4, 10, 34, s.colour, 2) + shade(box(x, top - 4, 10, 34, 2), 0.1) for x in (240, 350)
    )
    body = s.solid(d, s.colour, cloth, shade("M300 200l20 300h120V100h-60z", 0.06), waist)
    return laid(s, s.cast(d) + body + loops + line(pockets, CREASE, 5) + circle(300, top + 13, 7, BRASS))


def jacket(s: Sketch) -> str:
    d = (
        "M230 104h140l58 26q22 10 28 34l44 220q2 16 -14 20l-40 8q-14 2 -18 -12l-20 -96v180"
        "q0 14 -14 14H206q-14 0 -14 -14V304l-20 96q-4 14 -18 12l-40 -8q-16 -4 -14 -20l44 "
        "-220q6 -24 28 -34z"
    )
    quilt = line("".join(f"M90 {y}q210 26 420 0" for y in range(180, 500, 54)), CREASE, 5)
    pockets = (
        line("M222 400l40 -30M378 400l-40 -30", CREASE, 8)
        if s.maybe(0.5)
        else rect(214, 380, 62, 60, s.colour, 6)
        + rect(324, 380, 62, 60, s.colour, 6)
        + line("M214 396h62M324 396h62", CREASE, 5)
    )
    front = line("M300 150v334", "#1c143050", 6) + (
        "".join(circle(314, y, 8, s.trim) for y in range(186, 470, 56))
        if s.maybe(0.5)
        else line("M300 150v334", s.trim, 5)
    )
    collar = "M230 104l-10 10l30 76l50 -40l50 40l30 -76l-10 -10q-70 22 -140 0z"
    return laid(
        s,
        s.cast(d)
        + s.solid(
            d,
            s.colour,
            quilt if s.maybe(0.5) else "",
            shade("M380 290h40v220h-50q20 -100 10 -220z", 0.1),
            shade("M190 466h220v30H190z", 0.08),
        )
        + line("M192 340v-44M408 340v-44", CREASE, 4)
        + pockets
        + front
        + path("M234 108q66 54 132 0q-66 20 -132 0z", "#1c143050")
        + s.solid(collar, s.pick((s.colour, s.trim)), shade(collar, 0.08)),
    )


THINGS = {
    "tee": lying(tee, 1.06),
    "shirt": lying(shirt, 1.12),
    "dress": lying(dress, 1.04),
    "trousers": lying(trousers, 1.1),
    "shorts": lying(shorts, 1.1),
    "jacket": lying(jacket, 1.14),
}
