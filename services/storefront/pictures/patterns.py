"""Surfaces: stripes, dots, checks and the like, drawn over a box and cut to shape by a solid."""

from __future__ import annotations

from services.storefront.pictures.sketch import Sketch, circle, line, rect

KINDS = ("plain", "stripes", "bands", "dots", "checks", "waves", "speckle")


def surface(sketch: Sketch, x: int, y: int, width: int, height: int, *kinds: str) -> str:
    """A pattern of one of `kinds` in the trim colour, over the given box."""
    kind = sketch.pick(kinds or KINDS)
    return _DRAWN[kind](sketch, x, y, width, height)


def _plain(_sketch: Sketch, _x: int, _y: int, _width: int, _height: int) -> str:
    return ""


def _stripes(sketch: Sketch, x: int, y: int, width: int, height: int) -> str:
    gap = sketch.pick((26, 34, 46))
    d = "".join(f"M{at} {y}v{height}" for at in range(x + gap // 2, x + width, gap))
    return line(d, sketch.trim, gap * sketch.pick((0.14, 0.3, 0.5)))


def _bands(sketch: Sketch, x: int, y: int, width: int, height: int) -> str:
    gap = sketch.pick((30, 40, 54))
    d = "".join(f"M{x} {at}h{width}" for at in range(y + gap // 2, y + height, gap))
    return line(d, sketch.trim, gap * sketch.pick((0.16, 0.3, 0.5)))


def _dots(sketch: Sketch, x: int, y: int, width: int, height: int) -> str:
    """Round line ends of no length make dots: one element for all of them."""
    gap = sketch.pick((40, 48, 60))
    d = "".join(
        f"M{left} {top}h0"
        for row, top in enumerate(range(y + gap // 3, y + height, gap))
        for left in range(x + gap // 3 + (row % 2) * gap // 2, x + width, gap)
    )
    return line(d, sketch.trim, gap * 0.3)


def _checks(sketch: Sketch, x: int, y: int, width: int, height: int) -> str:
    gap = sketch.pick((48, 60, 76))
    across = "".join(f"M{x} {at}h{width}" for at in range(y + gap // 2, y + height, gap))
    down = "".join(f"M{at} {y}v{height}" for at in range(x + gap // 2, x + width, gap))
    weave = f'<g fill="none" stroke="{sketch.trim}" stroke-opacity=".5" stroke-width="{gap // 2}">'
    return f'{weave}<path d="{across}"/><path d="{down}"/></g>'


def _waves(sketch: Sketch, x: int, y: int, width: int, height: int) -> str:
    step, rise = sketch.pick(((40, 16), (60, 22)))
    waves = f"q{step // 2} {-rise} {step} 0t{step} 0" * (width // (2 * step) + 1)
    d = "".join(f"M{x} {at}{waves}" for at in range(y + 20, y + height, sketch.pick((36, 48))))
    return line(d, sketch.trim, 7)


def _speckle(sketch: Sketch, x: int, y: int, width: int, height: int) -> str:
    return "".join(
        circle(sketch.between(x, x + width), sketch.between(y, y + height), sketch.between(3, 6), sketch.trim)
        for _ in range(22)
    )


def dipped(sketch: Sketch, y: int) -> str:
    """The part below `y` in the trim colour, as if dipped in glaze."""
    return rect(0, y, 600, 600 - y, sketch.trim)


_DRAWN = {
    "plain": _plain,
    "stripes": _stripes,
    "bands": _bands,
    "dots": _dots,
    "checks": _checks,
    "waves": _waves,
    "speckle": _speckle,
}
