"""Which pictures a product has. The storefront draws them: services/storefront/pictures."""

from __future__ import annotations

from ops.demo.chance import Chance
from ops.demo.titles import Title
from ops.demo.variants import Axes
from services.storefront.pictures.palette import COLOURS

_HOW_MANY = (2, 3, 3, 3, 4, 4, 4, 5, 1, 1, 2, 5, 6, 6, 7, 8)
_SEEN = (
    "",
    ", close up",
    ", from the other side",
    ", two of a kind",
    " in detail",
    ", from further away",
    ", in another light",
    ", even closer",
)
_NUMBERS = {colour.name.capitalize(): number for number, colour in enumerate(COLOURS)}

Image = dict[str, str]


def images_of(title: Title, coloured: bool, colour: int, axes: Axes, chance: Chance) -> list[Image]:
    """1 to 8 pictures: the thing itself, its other colours, then other views of it."""
    shape = chance.between(0, 2**27 - 1)  # the part of a picture's seed that is not its colour
    count = chance.pick(_HOW_MANY)
    name = f"{title.text} in {COLOURS[colour].name}" if coloured else title.text
    images = [_image(title.motif, shape, colour, 0, name)]
    images += (
        _image(title.motif, shape, _NUMBERS[other], 0, f"{title.text} in {other.lower()}")
        for other in axes.get("colour", ())[1:]
    )
    images += (_image(title.motif, shape, colour, view, name + _SEEN[view]) for view in range(1, len(_SEEN)))
    return images[:count]


def _image(motif: str, shape: int, colour: int, view: int, alt: str) -> Image:
    seed = shape * len(COLOURS) + colour
    return {"url": f"/pictures/{motif}/{seed}{f'-{view}' if view else ''}.svg", "alt": alt}
