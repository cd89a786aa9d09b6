"""Soft things for rooms and beds."""

from __future__ import annotations

from services.storefront.pictures.palette import PAPER
from services.storefront.pictures.patterns import surface
from services.storefront.pictures.sketch import (
    Sketch,
    box,
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


def pillow(s: Sketch) -> str:
    """A cushion, plump in the middle, its corners pulled out."""
    d = (
        "M130 136q26 -20 60 -8q110 26 220 0q34 -12 60 8q18 30 6 64q-24 100 0 200q12 34 -6 "
        "64q-26 20 -60 8q-110 -26 -220 0q-34 12 -60 -8q-18 -30 -6 -64q24 -100 0 -200q-12 "
        "-34 6 -64z"
    )
    piping = f'<path d="{d}" fill="none" stroke="{s.trim}" stroke-width="10"/>' if s.maybe(0.4) else ""
    drawn = s.cast(d, 12, 22) + s.solid(
        d,
        s.colour,
        surface(s, 110, 110, 380, 380),
        piping,
        shade("M470 100q-50 200 30 400h60V100zM130 480q170 -70 340 -10v60H130z", 0.1),
        glow("M150 160q150 40 250 10q-150 60 -230 170q-10 -90 -20 -180z", 0.14),
    )
    return moved(drawn, f"rotate({s.between(-12, 12)} 300 300)")


def blanket(s: Sketch) -> str:
    """A throw, folded, its fringe hanging out."""
    weave = surface(s, 140, 180, 320, 260, "plain", "stripes", "checks", "bands", "waves")
    d = "M150 216q0 -34 34 -34h232q34 0 34 34v200H150z"
    fringe = "".join(f"M{x} 414v{30 + x % 3 * 4}" for x in range(162, 446, 18))
    fold = "M150 300h300v40q-150 24 -300 0z"
    return (
        s.cast(d + box(160, 400, 280, 44))
        + line(fringe, s.colour, 7)
        + f'<g opacity=".12">{line(fringe, "#1c1430", 7)}</g>'
        + s.solid(
            d,
            s.colour,
            weave,
            shade(fold, 0.1),
            shade("M420 160h50v280h-50z", 0.1),
            glow("M150 180h300v26H150z", 0.2),
        )
        + line("M152 302h296", "#1c14302e", 5)
    )


def rug(s: Sketch) -> str:
    d = box(110, 150, 380, 300, s.pick((0, 0, 150)))
    fringe = line(
        "".join(f"M{x} {y}v0h-18M{x + 398} {y}h18" for y in range(160, 446, 20) for x in (102,)), s.colour, 6
    )
    motif = s.pick((_diamonds, _arches, _field))(s)
    flat = s.cast(d, 8, 10)
    return moved(
        flat
        + (fringe if "150 0 0 1" not in d else "")
        + s.solid(d, s.colour, motif, shade("M100 438h400v14H100z", 0.12)),
        f"rotate({s.pick((-14, -8, 8, 14))} 300 300)",
    )


def _diamonds(s: Sketch) -> str:
    d = "".join(f"M{x} {y - 70}l62 70l-62 70l-62 -70z" for x in (174, 300, 426) for y in (300,))
    return (
        line(d, s.trim, 12)
        + "".join(path(f"M{x} 268l28 32l-28 32l-28 -32z", s.trim) for x in (174, 300, 426))
        + line("M130 176H470M130 424H470", s.trim, 10)
    )


def _arches(s: Sketch) -> str:
    return "".join(
        (
            f'<path d="M{x - r} 460V320a{r} {r} 0 0 1 {2 * r} 0v140" fill="none" '
            f'stroke="{s.trim}" stroke-width="14"/>'
        )
        for x in (204, 396)
        for r in (28, 56, 84)
    )


def _field(s: Sketch) -> str:
    return (
        '<rect x="146" y="186" width="308" height="228" rx="12" fill="none" '
        f'stroke="{s.trim}" stroke-width="14"/>'
    ) + surface(s, 170, 210, 260, 180, "dots", "speckle", "waves")


def bed(s: Sketch) -> str:
    head = s.pick((box(110, 190, 380, 200, 30), "M110 390V270a190 110 0 0 1 380 0v120z"))
    wall = s.pick((s.wood, s.trim, s.wood))
    cover = "M92 372q0 -30 34 -30h348q34 0 34 30v82H92z"
    pillows = "".join(
        s.solid(
            box(x, 280, 160, 84, 34),
            PAPER,
            shade(box(x, 344, 160, 30), 0.1),
            shade(box(x + 120, 270, 60, 100), 0.05),
        )
        for x in (132, 308)
    )
    return (
        s.shadow(300, 210)
        + path(head, wall)
        + shade(head, 0.05)
        + line("M130 454v22M470 454v22", s.wood, 16)
        + pillows
        + s.solid(
            cover,
            s.colour,
            surface(s, 92, 400, 420, 60, "plain", "stripes", "checks", "dots", "waves"),
            rect(80, 340, 450, 46, PAPER),
            shade("M80 386h450v8H80z", 0.12),
            shade("M452 330h60v140h-60z", 0.1),
            shade("M180 386q10 40 -6 80h20q10 -40 -4 -80zM350 386q14 40 4 80h18q8 -44 -8 -80z", 0.08),
        )
        + rect(92, 448, 416, 14, s.wood, 6)
    )


def towel(s: Sketch) -> str:
    """Towels, folded and stacked."""
    drawn, y = "", 480
    for n in range(s.pick((2, 3, 3, 4))):
        tall, inset = 62, n * 8 + s.between(0, 8)
        colour = s.colour if n % 2 == 0 else s.trim
        d = box(146 + inset, y - tall, 308 - 2 * inset, tall, 30)
        stripe = rect(360, y - tall, 14, tall, s.trim if colour == s.colour else s.colour)
        drawn += s.solid(
            d,
            colour,
            stripe,
            shade(f"M100 {y - 18}h400v20H100z", 0.1),
            shade(f"M150 {y - tall // 2 - 3}h230v6H150z", 0.1),
            glow(f"M100 {y - tall}h400v12H100z", 0.2),
        )
        y -= tall
    sprig = line(f"M250 {y - 4}q50 -24 110 -20", "#4f8a63", 6) + "".join(
        moved(ellipse(0, -16, 8, 17, "#6fa580"), f"translate({x} {y - 14}) rotate({turn})")
        for x, turn in ((276, -30), (300, 30), (324, -14), (346, 44), (362, 80))
    )
    return s.shadow(300, 160) + drawn + (sprig if s.maybe(0.6) else "")


THINGS = {
    "pillow": lying(pillow),
    "blanket": lying(blanket, 1.1),
    "rug": lying(rug, 1.08),
    "bed": standing(bed),
    "towel": standing(towel, 1.12),
}
