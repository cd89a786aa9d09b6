"""What stands beside the basin."""

from __future__ import annotations

from services.storefront.pictures.palette import GRAPHITE, INK, PAPER
from services.storefront.pictures.sketch import (
    Sketch,
    box,
    circle,
    disc,
    glow,
    line,
    lying,
    moved,
    path,
    rect,
    shade,
    standing,
)


def soap(s: Sketch) -> str:
    """A bar in its paper band, on a dish, with bubbles."""
    bar = box(178, 356, 244, 88, 34)
    band = rect(252, 350, 96, 110, s.trim) + line("M272 388h56M282 412h36", s.colour, 7)
    bubbles = "".join(
        circle(x, y, r, "#ffffff90") + circle(x - r * 0.3, y - r * 0.3, r * 0.25, "#fff")
        for x, y, r in ((250, 300, 26), (300, 262, 16), (336, 312, 20), (372, 250, 12), (222, 250, 10))
    )
    dish = "M140 440h320q-10 40 -54 40H194q-44 0 -54 -40z"
    return (
        s.shadow(300, 130)
        + bubbles
        + s.solid(
            bar,
            s.colour,
            band if s.maybe(0.7) else "",
            shade("M100 414h400v40H100z", 0.1),
            glow("M196 366h200v14H196z", 0.35),
        )
        + s.solid(
            dish,
            s.pick((s.wood, PAPER, GRAPHITE)),
            shade("M100 462h400v30H100z"),
            glow("M100 440h400v6H100z"),
        )
    )


def lotion(s: Sketch) -> str:
    """A bottle with a pump."""
    half, top = s.between(72, 90), s.between(262, 286)
    body = box(300 - half, top, 2 * half, 480 - top, s.pick((16, 34, 60)))
    label = box(300 - half + 22, top + 62, 2 * half - 44, 92, 4)
    cap = s.pick((INK, s.trim, PAPER))
    pump = (
        rect(270, top - 34, 60, 38, cap, 6)
        + rect(292, top - 76, 16, 46, cap)
        + path(f"M224 {top - 96}q0 -12 12 -12h96q12 0 12 12v24h-92v14q-14 4 -28 0z", cap)
    )
    return (
        s.shadow(300, half)
        + pump
        + shade(box(312, top - 34, 18, 38, 4), 0.16)
        + shade(f"M320 {top - 108}h12q12 0 12 12v24h-24z")
        + s.solid(
            body,
            s.colour,
            shade(f"M{300 + half - 36} {top}h50v300h-50z"),
            glow(f"M{300 - half + 14} {top}h12v300h-12z", 0.28),
        )
        + path(label, PAPER if s.colour != "#f6f2ea" else s.trim)
        + line(
            f"M{300 - half + 44} {top + 94}h{2 * half - 88}M{300 - half + 44} {top + 120}h{half - 40}",
            s.colour,
            8,
        )
    )


def tube(s: Sketch) -> str:
    """A tube of cream."""
    d = "M216 130h168l-18 290H234z"
    drawn = (
        s.cast(d)
        + s.cast(box(240, 420, 120, 76, 12))
        + s.solid(
            d,
            s.colour,
            rect(200, 130, 200, 26, s.trim),
            shade("M338 100h60v340h-60z", 0.12),
            glow("M232 120h14l14 320h-14z", 0.3),
        )
        + s.solid(
            box(240, 416, 120, 80, 12),
            s.trim if s.maybe(0.5) else INK,
            shade("M330 400h50v120h-50z", 0.16),
            line("M262 428v60M284 428v60M306 428v60", "#ffffff26", 6),
        )
        + path(disc(300, 272, 44), PAPER)
        + line("M278 264h44M286 284h28", s.colour if s.colour != "#f6f2ea" else s.trim, 7)
    )
    return moved(drawn, f"rotate({s.pick((-24, -14, 16, 26))} 300 300)")


def brush(s: Sketch) -> str:
    """A wooden brush with a strap of bristles."""
    head = "M300 90c76 0 104 60 104 130s-40 120 -80 120h-48c-40 0 -80 -50 -80 -120s28 -130 104 -130z"
    grip = "M276 330h48l12 150q2 40 -36 40t-36 -40z"
    pad = "M300 116c54 0 78 50 78 104s-30 94 -62 94h-32c-32 0 -62 -40 -62 -94s24 -104 78 -104z"
    drawn = (
        s.cast(head)
        + s.cast(grip)
        + path(grip, s.wood)
        + s.solid(head, s.wood, shade("M360 80q60 130 -20 280h100V80z", 0.12))
        + s.solid(
            pad,
            s.colour,
            "".join(
                circle(x, y, 6, s.trim)
                for y in range(146, 300, 30)
                for x in range(236 + y // 30 % 2 * 15, 372, 30)
            ),
        )
        + shade("M306 340h18l12 150q0 20 -20 28z", 0.1)
        + circle(300, 488, 8, "#1c143060")
    )
    return moved(drawn, f"rotate({s.pick((-34, -22, 24, 36))} 300 300)")


THINGS = {
    "soap": standing(soap, 1.2),
    "lotion": standing(lotion, 1.16),
    "tube": lying(tube),
    "brush": lying(brush),
}
