"""The letters' templates, all compiled when loaded: a broken one stops the worker at its start."""

from __future__ import annotations

import textwrap
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_eval_context, select_autoescape
from jinja2.nodes import EvalContext

from services.attribute_names import attribute_label
from services.country_names import country_name
from services.money import Money

_FOLDER = Path(__file__).parent / "templates"
_LINE_CHARACTERS = 64
_AMOUNT_CHARACTERS = 14


class _Laid(str):
    """Text that is laid out: its line breaks are ours."""

    __slots__ = ()


class LetterTemplates:
    def __init__(self, store_name: str) -> None:
        environment = Environment(
            loader=FileSystemLoader(_FOLDER),
            autoescape=select_autoescape(["html"]),
            finalize=_on_one_line,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        environment.globals["store_name"] = store_name
        environment.filters |= {
            "country": country_name,
            "date": _date,
            "label": attribute_label,
            "percent": _percent,
            "row": _row,
            "wrapped": _wrapped,
        }
        self._compiled = {name: environment.get_template(name) for name in environment.list_templates()}

    def html(self, name: str, **facts: Any) -> str:
        return self._compiled[f"{name}.html"].render(**facts)

    def text(self, name: str, **facts: Any) -> str:
        return self._compiled[f"{name}.txt"].render(**facts)


@pass_eval_context
def _on_one_line(context: EvalContext, value: Any) -> Any:
    """In plain text, a shopper's name with a line break in it must not look like lines of ours."""
    if context.autoescape or isinstance(value, _Laid):
        return value
    return " ".join(str(value).splitlines())


def _row(left: str, amount: Money, sign: str = "") -> _Laid:
    """Words at the left, an amount at the right margin of the last of their lines."""
    lines = _lines(left, _LINE_CHARACTERS - _AMOUNT_CHARACTERS)
    lines[-1] = lines[-1].ljust(_LINE_CHARACTERS - _AMOUNT_CHARACTERS) + f"{sign}{amount}".rjust(
        _AMOUNT_CHARACTERS
    )
    return _Laid("\n".join(lines))


def _wrapped(text: str, indent: int = 0) -> _Laid:
    lines = _lines(text, _LINE_CHARACTERS - indent)
    return _Laid("\n".join(" " * indent + line for line in lines))


def _lines(text: str, width: int) -> list[str]:
    """At least one; addresses stay whole, so that they can be clicked."""
    words = " ".join(text.split())
    return textwrap.wrap(words, width, break_long_words=False, break_on_hyphens=False) or [""]


def _date(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"


def _percent(percent: float) -> str:
    return f"{percent:g} %"
