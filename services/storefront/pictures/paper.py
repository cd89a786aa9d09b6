"""Books and what one writes with."""

from __future__ import annotations

from services.storefront.pictures.palette import BRASS, GRAPHITE, INK, LEAF, PAPER
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


def book(s: Sketch) -> str:
    """A book seen from a little to the right: cover, spine, pages."""
    cover = "M176 110h236q12 0 12 12v356q0 12 -12 12H176z"
    art = s.pick((_hills, _moon, _arches, _stack, _leaf))(s)
    pages = path("M176 486h238l10 16H190z", PAPER) + line("M190 494h228", "#1c143026", 3)
    spine = path("M160 122q0 -12 16 -12v380l-4 12q-12 -4 -12 -16z", s.colour) + shade(
        "M160 122q0 -12 16 -12v380l-4 12q-12 -4 -12 -16z", 0.22
    )
    return moved(
        s.cast("M160 110h264v392H172z", 18, 16)
        + pages
        + spine
        + s.solid(
            cover,
            s.colour,
            art,
            shade("M176 100h10v400h-10z", 0.16),
            glow("M190 100h6v400h-6z", 0.2),
            shade("M400 100h30v400h-30z", 0.06),
        ),
        f"rotate({s.pick((-9, -5, 5, 9))} 300 300)",
    )


def _title(s: Sketch, y: int) -> str:
    """Bars where the title would stand: pictures carry no letters."""
    return line(f"M232 {y}h136M256 {y + 26}h88", s.trim, 10)


def _hills(s: Sketch) -> str:
    return (
        circle(352, 262, 42, BRASS)
        + path("M170 400q60 -110 130 -30q60 -90 130 -10v140H170z", s.trim)
        + shade("M170 440q80 -60 260 0v60H170z", 0.2)
        + _title(s, 168)
    )


def _moon(s: Sketch) -> str:
    stars = "".join(f"M{s.between(200, 400)} {s.between(180, 470)}h0" for _ in range(14))
    return (
        line(stars, s.trim, 8)
        + circle(300, 330, 78, s.trim)
        + circle(328, 312, 66, s.colour)
        + _title(s, 156)
    )


def _arches(s: Sketch) -> str:
    return "".join(
        f'<circle cx="300" cy="490" r="{r}" fill="none" stroke="{s.trim}" stroke-width="17"/>'
        for r in (40, 80, 120, 160)
    ) + _title(s, 200)


def _stack(s: Sketch) -> str:
    return "".join(
        moved(rect(-60, -60, 120, 120, colour, 60 if n % 2 else 0), f"translate({x} {y})")
        for n, (x, y, colour) in enumerate(
            ((248, 264, s.trim), (364, 264, BRASS), (248, 384, PAPER), (364, 384, s.trim))
        )
    ) + line("M232 160h136", s.trim, 10)


def _leaf(s: Sketch) -> str:
    leaves = "".join(
        moved(
            path("M0 0C-30 -20 -26 -60 0 -84C26 -60 30 -20 0 0z", s.trim if n % 2 else LEAF),
            f"translate({300 + x} {y}) rotate({x})",
        )
        for n, (x, y) in enumerate(
            ((-40, 440), (40, 420), (-44, 370), (44, 350), (-34, 304), (34, 290), (0, 264))
        )
    )
    return line("M300 470V250", s.trim, 7) + leaves + _title(s, 150)


def notebook(s: Sketch) -> str:
    d = box(170, 100, 260, 400, 18)
    band = s.maybe(0.5)
    spiral = "".join(f"M160 {y}h30" for y in range(136, 490, 28))
    decor = surface(s, 190, 100, 250, 400, "plain", "plain", "dots", "checks", "bands", "waves")
    plate = rect(236, 176, 130, 74, PAPER, 6) + line(
        "M262 204h78M276 226h50", s.colour if s.colour != "#f6f2ea" else s.trim, 7
    )
    return moved(
        s.cast(d)
        + path(box(180, 108, 258, 398, 14), PAPER)
        + shade(box(180, 108, 258, 398, 14), 0.12)
        + s.solid(d, s.colour, decor, shade("M170 90h34v420h-34z", 0.12), plate if s.maybe(0.6) else "")
        + (rect(386, 98, 16, 406, s.trim) if band else line(spiral, GRAPHITE, 8))
        + (path("M330 500h22v50l-11 -12l-11 12z", s.trim) if band else ""),
        f"rotate({s.pick((-10, -6, 7, 11))} 300 300)",
    )


def pencil(s: Sketch) -> str:
    """Three pencils, sharpened."""
    colours = (s.colour, s.trim, s.pick((BRASS, GRAPHITE, s.colour)))
    return moved(
        "".join(
            moved(_one_pencil(s, colour), f"translate({x} {y}) rotate({turn} 300 300)")
            for colour, x, y, turn in zip(colours, (-96, 0, 96), (16, -16, 12), (-3, 1, 4), strict=True)
        ),
        f"rotate({s.pick((-32, -24, 28))} 300 300)",
    )


def _one_pencil(s: Sketch, colour: str) -> str:
    shaft, tip = box(280, 110, 40, 310), "M280 420h40l-20 66z"
    drawn = s.cast(shaft + tip, 8, 8) + s.solid(
        shaft, colour, shade("M308 100h20v330h-20z", 0.18), glow("M280 100h11v330h-11z", 0.25)
    )
    return (
        drawn
        + path(tip, "#e9c99a")
        + path("M292 460h16l-8 26z", colour if colour != PAPER else INK)
        + rect(278, 96, 44, 30, BRASS, 3)
        + rect(281, 66, 38, 34, "#e6aea7", 8)
        + line("M280 108h40", "#1c143040", 4)
    )


def pen(s: Sketch) -> str:
    """A fountain pen, its cap beside it."""
    nib = "M280 420h40l-20 92z"
    barrel = box(270, 150, 60, 220, 26)
    grip = "M274 350h52l-6 74h-40z"
    cap = box(262, 160, 76, 240, 30)
    drawn = (
        s.cast(barrel, 10, 12)
        + s.cast(nib, 8, 8)
        + path(nib, BRASS)
        + line("M300 450v50", INK, 3)
        + circle(300, 448, 5, INK)
        + path(grip, INK)
        + s.solid(barrel, s.colour, shade("M312 140h30v240h-30z", 0.18), glow("M280 150h9v220h-9z", 0.3))
        + rect(268, 346, 64, 12, BRASS, 3)
    )
    lid = (
        s.cast(cap, 10, 12)
        + s.solid(
            cap,
            s.colour,
            shade("M316 150h40v260h-40z", 0.18),
            glow("M274 160h10v240h-10z", 0.3),
            rect(250, 372, 100, 14, BRASS),
        )
        + rect(308, 180, 12, 140, BRASS, 6)
    )
    return moved(
        moved(drawn, "translate(-64 0)") + moved(lid, "translate(76 30)"),
        f"rotate({s.pick((-34, -26, 30))} 300 300)",
    )


def card(s: Sketch) -> str:
    """A greeting card on its envelope."""
    envelope, front = box(130, 190, 340, 240, 10), box(196, 120, 208, 280, 8)
    art = s.pick(
        (
            circle(300, 250, 62, s.trim),
            path("M300 318c-90 -60 -76 -122 -36 -122q26 0 36 28q10 -28 36 -28c40 0 54 62 -36 122z", s.trim),
            surface(s, 210, 134, 180, 250, "dots", "waves", "stripes"),
            _leaf(s),
        )
    )
    drawn = (
        s.cast(envelope)
        + path(envelope, s.trim)
        + path("M130 200l170 120l170 -120v-4q0 -6 -8 -6H138q-8 0 -8 6z", s.trim)
        + shade("M130 200l170 120l170 -120v20l-170 120l-170 -120z", 0.12)
    )
    return moved(drawn, "rotate(-8 300 300)") + moved(
        s.cast(front, 8, 10) + s.solid(front, s.colour, art, glow("M196 120h8v280h-8z")), "rotate(6 300 300)"
    )


THINGS = {
    "book": lying(book),
    "notebook": lying(notebook),
    "pencil": lying(pencil),
    "pen": lying(pen),
    "card": lying(card, 1.1),
}
