"""Knitted clothes: what keeps warm."""

from __future__ import annotations

from services.storefront.pictures.clothing import CREASE, laid
from services.storefront.pictures.patterns import surface
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
)


def sweater(s: Sketch) -> str:
    d = (
        "M236 120q64 26 128 0l60 26q22 10 28 34l46 196q4 18 -14 24l-36 10q-16 4 -22 -14l-22 "
        "-84v146q0 14 -14 14H210q-14 0 -14 -14V312l-22 84q-6 18 -22 14l-36 -10q-18 -6 -14 "
        "-24l46 -196q6 -24 28 -34z"
    )
    ribs = "".join(f"M{x} 446v30" for x in range(206, 400, 14))
    decor = s.pick((_fair_isle, _cables, _knitted_bands))(s)
    return laid(
        s,
        s.cast(d)
        + s.solid(
            d,
            s.colour,
            decor,
            rect(180, 442, 240, 40, s.colour),
            line(ribs, CREASE, 4),
            shade("M376 310h50v190h-60q20 -100 10 -190z", 0.08),
            shade("M196 300h10v180h-10z", 0.06),
        )
        + line("M196 330v-36M404 330v-36", CREASE, 4)
        + line("M236 122q64 34 128 0", "#1c143030", 24)
        + line("M236 122q64 34 128 0", s.colour, 18)
        + line("M118 372l44 14M482 372l-44 14", CREASE, 5),
    )


def _knitted_bands(s: Sketch) -> str:
    return surface(s, 100, 200, 400, 220, "plain", "bands")


def _fair_isle(s: Sketch) -> str:
    zigzag = "".join(f"l14 {dy}" for dy in (-16, 16) * 16)
    dots = "".join(f"M{x} 258h0" for x in range(104, 500, 28))
    return (
        line(f"M90 232{zigzag}M90 292{zigzag}", s.trim, 8)
        + line(dots, s.trim, 11)
        + line("M90 204h420M90 310h420", s.trim, 5)
    )


def _cables(s: Sketch) -> str:
    twist = "q16 14 0 28q-16 14 0 28" * 7
    return line("".join(f"M{x} 150{twist}" for x in (240, 270, 330, 360)), CREASE, 6)


def hat(s: Sketch) -> str:
    """A knitted hat."""
    d = "M166 372c0 -150 50 -212 134 -212s134 62 134 212z"
    cuff = box(148, 356, 304, 92, 26)
    ribs = "".join(f"M{x} 366v72" for x in range(172, 440, 20))
    knit = (
        surface(s, 150, 160, 300, 210, "plain", "plain", "bands", "stripes")
        if s.maybe(0.6)
        else line(
            "M190 330l20 -20l20 20l20 -20l20 20l20 -20l20 20l20 -20l20 20l20 -20l20 20l20 -20", s.trim, 9
        )
    )
    bobble = (
        s.cast("M246 148a54 54 0 0 1 108 0a54 54 0 0 1 -108 0z", 8, 10)
        + circle(300, 146, 52, s.trim)
        + "".join(
            circle(x, y, 20, s.trim) for x, y in ((256, 130), (262, 172), (338, 172), (346, 130), (300, 100))
        )
        + shade("M310 96a52 52 0 0 1 0 104a90 90 0 0 0 0 -104z", 0.08)
    )
    return laid(
        s,
        s.cast(d)
        + s.cast(cuff)
        + (bobble if s.maybe(0.6) else "")
        + s.solid(d, s.colour, knit, shade("M380 150q60 90 50 240h40V150z", 0.1))
        + s.solid(
            cuff,
            s.pick((s.colour, s.trim)),
            line(ribs, CREASE, 6),
            shade("M400 340h60v120h-60z", 0.08),
            shade("M100 356h400v8H100z", 0.12),
        ),
    )


def scarf(s: Sketch) -> str:
    """A scarf, folded once: the end behind looks out beside the one in front."""
    weave = surface(s, 190, 100, 220, 400, "stripes", "bands", "checks", "checks", "plain")
    behind, front = _tail(s, 470, weave), _tail(s, 430, weave)
    return moved(behind, "rotate(-13 300 110)") + moved(front, "rotate(8 300 110)")


def _tail(s: Sketch, end: int, weave: str) -> str:
    d = f"M224 {end}V146q0 -46 46 -46h60q46 0 46 46V{end}z"
    fringe = "".join(f"M{x} {end}v34" for x in range(231, 376, 15))
    inside = (weave, shade("M346 90h40v400h-40z", 0.09), glow("M220 100h160v14H220z", 0.2))
    return s.cast(d, 12, 12) + line(fringe, s.colour, 7) + s.solid(d, s.colour, *inside)


def sock(s: Sketch) -> str:
    d = "M214 96h104v220q0 22 20 32l60 30q40 20 40 62q0 40 -48 40h-66q-30 0 -54 -18l-56 -42q-20 -16 -20 -40z"
    decor = surface(s, 200, 160, 240, 330, "bands", "bands", "dots", "checks", "stripes", "plain")
    one = s.cast(d) + s.solid(
        d,
        s.colour,
        decor,
        path("M440 420q-50 -10 -60 70h70z", s.trim),
        path("M214 330q56 10 60 100h-60z", s.trim),
        rect(200, 96, 130, 46, s.trim),
        line("M228 104v30M246 104v30M264 104v30M282 104v30M300 104v30", CREASE, 5),
        shade("M296 96h30v220q0 22 20 32l-30 12q-24 -20 -20 -60z", 0.08),
    )
    return moved(one, "translate(-70 10) rotate(-6 300 300)") + moved(
        one, "translate(46 22) rotate(4 300 300)"
    )


THINGS = {
    "sweater": lying(sweater, 1.14),
    "hat": lying(hat, 1.1),
    "scarf": lying(scarf, 1.04),
    "sock": lying(sock, 1.04),
}
