"""From the bytes of an import to numbered products, each checked by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import msgspec

from services.catalog.import_shapes import GivenMoney, ImportLine, ImportSeo
from services.decode import decode_json
from services.errors import FieldError, Invalid, Malformed

LINE_BYTES_MAX = 250_000  # about a thousand variants
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # some spreadsheets begin a file with it

_PATTERNS = {
    "slug": "must be lower-case words and digits, joined by hyphens",
    "formerly": "must be lower-case words and digits, joined by hyphens",
    "categories": "must be up to 8 slugs, joined by slashes",
    "sku": "must be 1 to 64 letters, digits, dots, hyphens and underscores",
    "url": "must be a path of this shop or begin with https://",
    "title": "must not be blank",
}


class Offer(msgspec.Struct, frozen=True):
    """A variant as it is stored."""

    sku: str
    price_minor: int
    compare_at_minor: int | None
    attributes: dict[str, object]
    weight_grams: int


class Content(msgspec.Struct, frozen=True):
    """All that a line decides about its product, in the one form in which a line and what is stored
    can be compared. `categories` are the last slugs of the paths: the main one, then the rest by name."""

    title: str
    brand: str
    description: str
    published: bool
    seo_title: str | None
    seo_description: str | None
    attributes: dict[str, object]
    images: list[dict[str, str]]
    categories: list[str]
    variants: list[Offer]


@dataclass(frozen=True, slots=True)
class Line:
    """A good line: `size` in bytes, `paths` of categories, `stock` as initial levels by SKU,
    `formerly` the slugs it had before."""

    number: int
    size: int
    slug: str
    paths: tuple[tuple[str, ...], ...]
    content: Content
    stock: dict[str, int] = field(default_factory=dict)
    formerly: tuple[str, ...] = ()

    @property
    def skus(self) -> Iterator[str]:
        return (variant.sku for variant in self.content.variants)


async def read_lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[tuple[int, bytes]]:
    """Lines with their numbers from 1, blank ones left out. One that is too long comes cut, just
    beyond LINE_BYTES_MAX: nobody has to hold it."""
    number, kept = 1, b""
    async for chunk in chunks:
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            if line := (kept + piece).strip():
                yield number, line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
            number, kept = number + 1, b""
        kept = (kept + rest)[: LINE_BYTES_MAX + 1]
    if line := kept.strip():
        yield number, line


def decode_line(number: int, raw: bytes, currency: str) -> Line:
    """Raises Invalid with everything that is wrong with the line as such."""
    if len(raw) > LINE_BYTES_MAX:
        raise Invalid([FieldError("", f"is longer than {LINE_BYTES_MAX:,} bytes")])
    try:
        line = decode_json(raw, ImportLine)
    except Malformed as error:
        raise Invalid([FieldError("", str(error))]) from None
    except Invalid as error:
        raise Invalid([_in_words(fault) for fault in error.errors]) from None
    if faults := [*_repeated(line), *_wrong_prices(line, currency)]:
        raise Invalid(faults)
    stock = {v.sku: v.initial_stock for v in line.variants if v.initial_stock is not None}
    paths = tuple(tuple(path.split("/")) for path in line.categories)
    formerly = tuple(dict.fromkeys(slug for slug in line.formerly if slug != line.slug))
    return Line(number, len(raw), line.slug, paths, _content(line, paths), stock, formerly)


def _in_words(fault: FieldError) -> FieldError:
    """The decoder's fault as a shopkeeper understands it: `body` is the line, a regex is a sentence."""
    name = fault.field.rpartition(".")[2].partition("[")[0]
    message = _PATTERNS.get(name, fault.message) if "matching regex" in fault.message else fault.message
    return FieldError("" if fault.field == "body" else fault.field, message)


def _repeated(line: ImportLine) -> Iterator[FieldError]:
    seen = Counter[str]()
    for place, variant in enumerate(line.variants):
        seen[variant.sku] += 1
        if seen[variant.sku] == 2:
            yield FieldError(f"variants[{place}].sku", "is given more than once")
    ends = Counter(path.rpartition("/")[2] for path in line.categories)
    for slug in (slug for slug, times in ends.items() if times > 1):
        yield FieldError("categories", f"names {slug} more than once")


def _wrong_prices(line: ImportLine, currency: str) -> Iterator[FieldError]:
    for place, variant in enumerate(line.variants):
        for name, given in (("price", variant.price), ("compare_at", variant.compare_at)):
            if isinstance(given, GivenMoney) and given.currency != currency:
                yield FieldError(f"variants[{place}].{name}.currency", f"this shop sells in {currency}")
        if variant.compare_at is not None and _minor(variant.compare_at) <= _minor(variant.price):
            yield FieldError(f"variants[{place}].compare_at", "must be more than the price")


def _minor(price: int | GivenMoney) -> int:
    return price.amount if isinstance(price, GivenMoney) else price


def _content(line: ImportLine, paths: tuple[tuple[str, ...], ...]) -> Content:
    seo = line.seo or ImportSeo()
    return Content(
        title=line.title,
        brand=line.brand,
        description=line.description,
        published=line.published,
        seo_title=seo.title,
        seo_description=seo.description,
        attributes={**line.attributes},
        images=[{"url": image.url, "alt": image.alt} for image in line.images],
        categories=[path[-1] for path in (*paths[:1], *sorted(paths[1:], key=lambda path: path[-1]))],
        variants=[
            Offer(
                v.sku,
                _minor(v.price),
                None if v.compare_at is None else _minor(v.compare_at),
                {**v.attributes},
                v.weight_grams,
            )
            for v in line.variants
        ],
    )
