"""The shop's own pictures: flat still lifes, drawn anew from a motif and a seed.

`draw("mug", 42)` is the same SVG for ever, so its address can be cached for ever. The seed
chooses colours, proportions and backdrop; `palette.COLOURS[seed % 16]` is the thing's colour.
"""

from __future__ import annotations

from services.storefront.pictures import (
    accessories,
    bags,
    bath,
    brewing,
    clothing,
    electronics,
    furniture,
    garden,
    kitchen,
    knitwear,
    lighting,
    outdoors,
    pantry,
    paper,
    play,
    rooms,
    shoes,
    textiles,
)
from services.storefront.pictures.sketch import Thing
from services.storefront.pictures.stage import compose

_THINGS: dict[str, Thing] = {
    **kitchen.THINGS,
    **brewing.THINGS,
    **furniture.THINGS,
    **lighting.THINGS,
    **rooms.THINGS,
    **garden.THINGS,
    **textiles.THINGS,
    **bath.THINGS,
    **clothing.THINGS,
    **knitwear.THINGS,
    **shoes.THINGS,
    **bags.THINGS,
    **accessories.THINGS,
    **electronics.THINGS,
    **outdoors.THINGS,
    **paper.THINGS,
    **pantry.THINGS,
    **play.THINGS,
}

MOTIFS: tuple[str, ...] = tuple(_THINGS)


def draw(motif: str, seed: int, view: int = 0) -> str:
    """A square SVG document of a few kilobytes, without text, scripts, links or styles. View 0
    is the thing from the front, the next ones show it closer, turned, in pairs.
    Raises KeyError for a motif that is not in `MOTIFS`."""
    inside = compose(_THINGS[motif], seed, view)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 600">{inside}</svg>'
