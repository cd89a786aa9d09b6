"""Slugs: titles as they stand in an address."""

from __future__ import annotations

import re
import unicodedata

_SPELLED = str.maketrans(
    {
        "ß": "ss",
        "ø": "o",
        "æ": "ae",
        "œ": "oe",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "&": " and ",
    }
)
_SILENT = re.compile("['\N{RIGHT SINGLE QUOTATION MARK}]")
_GAPS = re.compile(r"[^a-z0-9]+")


def slug_of(text: str) -> str:
    """Lower case, without accents, words joined by hyphens: "Tromsø wool jumper" is
    `tromso-wool-jumper`."""
    spelled = _SILENT.sub("", text.lower()).translate(_SPELLED)
    plain = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()
    return _GAPS.sub("-", plain).strip("-")
