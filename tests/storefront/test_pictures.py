"""The shop's pictures: the same for ever, harmless, small, and in the colour they promise."""

import re
from xml.etree import ElementTree

import pytest

from services.storefront.pictures import MOTIFS, draw
from services.storefront.pictures.palette import COLOURS, GROUNDS, colour_of
from services.storefront.pictures.stage import VIEWS

SVG = "{http://www.w3.org/2000/svg}"
SHAPES = {"svg", "g", "path", "rect", "circle", "ellipse", "clipPath"}
FRONT_BYTES_MAX, BYTES_MAX = 5_000, 9_000


@pytest.mark.parametrize("motif", MOTIFS)
def test_a_picture_is_drawn_the_same_every_time(motif: str) -> None:
    assert draw(motif, 42, 1) == draw(motif, 42, 1)
    assert len({draw(motif, seed) for seed in range(32)}) > 16


@pytest.mark.parametrize("motif", MOTIFS)
def test_a_picture_is_plain_shapes_without_text_scripts_links_or_styles(motif: str) -> None:
    for seed in range(64):
        root = ElementTree.fromstring(draw(motif, seed, seed % VIEWS))
        for element in root.iter():
            assert element.tag.removeprefix(SVG) in SHAPES
            assert not (element.text or "").strip()
            assert not any(re.match(r"(?i)on|style|class|.*href", name) for name in element.attrib)
            outside = [v for v in element.attrib.values() if "url(" in v and not v.startswith("url(#")]
            assert not outside


@pytest.mark.parametrize("motif", MOTIFS)
def test_a_picture_refers_only_to_clips_of_its_own_with_one_shape_each(motif: str) -> None:
    for view in range(VIEWS):
        picture = draw(motif, 7, view)
        clips = set(re.findall(r'<clipPath id="(\w+)"><path d="([^"]+)"', picture))
        assert len({name for name, _ in clips}) == len(clips)
        assert {name for name, _ in clips} == set(re.findall(r"url\(#(\w+)\)", picture))


@pytest.mark.parametrize("motif", MOTIFS)
def test_a_picture_is_a_few_kilobytes(motif: str) -> None:
    for seed in range(64):
        assert len(draw(motif, seed).encode()) <= FRONT_BYTES_MAX
        assert len(draw(motif, seed, seed % VIEWS).encode()) <= BYTES_MAX


@pytest.mark.parametrize("motif", MOTIFS)
def test_views_of_one_product_differ(motif: str) -> None:
    assert len({draw(motif, 99, view) for view in range(VIEWS + 2)}) >= VIEWS


def test_the_seed_names_the_colour() -> None:
    for number, colour in enumerate(COLOURS):
        assert colour_of(16 * 12_345 + number) is colour
        assert colour.hex in draw("mug", 16 * 12_345 + number)


def test_one_shape_comes_in_every_colour() -> None:
    """A mug of one design differs between its colours in nothing but fills and backdrop."""
    outlines = {
        max(re.findall(r'<clipPath id="c\d+"><path d="([^"]+)"', draw("backpack", 16 * 77 + number)), key=len)
        for number in range(len(COLOURS))
    }
    assert len(outlines) == 1


def test_every_colour_stands_on_grounds_that_exist() -> None:
    assert {ground for colour in COLOURS for ground in colour.grounds} <= set(GROUNDS)


@pytest.mark.parametrize("seed", [0, 2**31 - 1])
def test_seeds_reach_from_zero_to_two_to_the_31(seed: int) -> None:
    assert draw("chair", seed).startswith("<svg")


def test_an_unknown_motif_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        draw("unicorn", 1)


def test_motifs_are_words_that_fit_an_address() -> None:
    assert all(re.fullmatch(r"[a-z]+", motif) for motif in MOTIFS)
