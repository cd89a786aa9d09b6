"""Every word the shop says itself, by language: the catalogue in `texts/*.toml`.

    text("cart.title")                                the text of this key
    text("cart.changed", title=line.title)            "{title}" stands in the text
    text("cart.articles", count=3)                    a plural: a table of forms in the catalogue
    rich("order.receipt_goes", email=order.email)     the text holds markup; values are escaped

In a template: `{{ text("cart.title") }}`. A value may be a Money, a number, a moment or a wait (timedelta):
it is written as the language does. Beside `text` and `rich` every template has `money(price)`,
`day(moment)`, `clock(moment)`, `number(n)`, `percent(19)`, `country(code)`, `languages` (each with
`code` and `name`), and, outside of macros, `language` (the page's own, for `<html lang>`) and
`back` (the page's path, for the switch):

    <form method="post" action="/language">
      <input type="hidden" name="back" value="{{ back }}">
      <button name="language" value="de" lang="de">Deutsch</button>
    </form>

`found.html` (in `<head>` of `base.html`, after the block `description`) writes the description,
canonical link, Open Graph and JSON-LD of every page; no other template does. Titles stay in their
templates; `<meta name="robots" content="noindex">` of private pages stays in the block `description`.

In the catalogue: areas are tables (`[cart]`), keys words with underscores. A plural is
`articles = {one = "{count} article", other = "{count} articles"}`: the forms CLDR knows for the
language, chosen by `count`. Write the key as a literal, so that it can be checked: at start the
process stops, and says why, when a template asks for a key or gives a value that English hasn't,
and when another language has other placeholders than English. A text that a language lacks is
said in English; `tests/storefront/test_texts.py` keeps that from being shipped.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from services.storefront.formatting import shown
from services.storefront.languages import ENGLISH, LANGUAGES, Language, current_language

FOLDER = Path(__file__).parent / "texts"
_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_PLURAL_FORMS = {"zero", "one", "two", "few", "many", "other"}

Text = str | dict[str, str]  # or the forms of a plural


class TextError(SystemExit):
    """The catalogue is not as the code needs it. Ends the process with one line."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"kiosk: services/storefront/texts: {problem}")


def text(key: str, **values: object) -> str:
    """The text of `key` in the request's language. Raises KeyError for a key English hasn't."""
    language, found = _found(key)
    return _filled(_form(found, language, values), {name: shown(value) for name, value in values.items()})


def rich(key: str, **values: object) -> Markup:
    """The same for a text that holds markup of its own."""
    language, found = _found(key)
    escaped = {name: str(escape(shown(value))) for name, value in values.items()}
    return Markup(_filled(_form(found, language, values), escaped))  # noqa: S704  # our own text, values escaped


def placeholders(found: Text) -> set[str]:
    """The names of the values a text takes."""
    if isinstance(found, str):
        return set(_PLACEHOLDER.findall(found))
    return {"count"}.union(*(set(_PLACEHOLDER.findall(form)) for form in found.values()))


def require_known(key: str, given: set[str], where: str) -> None:
    """Raises TextError unless English has `key` and it takes just the values `given`."""
    if key not in CATALOGUE[ENGLISH.code]:
        raise TextError(f"{where} asks for {key}, which en.toml hasn't. Add it there.")
    taken = placeholders(CATALOGUE[ENGLISH.code][key])
    if taken != given:
        raise TextError(
            f"{where} gives {key} {_listed(given)}, and en.toml takes {_listed(taken)}. Make them equal."
        )


def _found(key: str) -> tuple[Language, Text]:
    language = current_language()
    found = CATALOGUE[language.code].get(key)
    return (language, found) if found is not None else (ENGLISH, CATALOGUE[ENGLISH.code][key])


def _form(found: Text, language: Language, values: dict[str, Any]) -> str:
    if isinstance(found, str):
        return found
    return found.get(language.locale.plural_form(values["count"]), found["other"])


def _filled(form: str, values: dict[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: values[match[1]], form) if "{" in form else form


def read_catalogue(folder: Path) -> dict[str, dict[str, Text]]:
    """Texts by language and key. Raises TextError when another language contradicts English."""
    catalogue = {language.code: _read(folder / f"{language.code}.toml") for language in LANGUAGES}
    english = catalogue[ENGLISH.code]
    for code, texts in catalogue.items():
        for key, found in texts.items():
            if key not in english:
                raise TextError(f"{code}.toml has {key}, which en.toml hasn't. Add it there or remove it.")
            if placeholders(found) != placeholders(english[key]):
                raise TextError(f"{code}.toml: {key} must take {_listed(placeholders(english[key]))}.")
    return catalogue


def _read(path: Path) -> dict[str, Text]:
    try:
        return _flat(tomllib.loads(path.read_text(encoding="utf-8")), "")
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise TextError(f"{path.name} can't be read: {error}") from None


def _flat(table: dict[str, Any], prefix: str) -> dict[str, Text]:
    texts: dict[str, Text] = {}
    for name, value in table.items():
        if isinstance(value, dict) and not ("other" in value and value.keys() <= _PLURAL_FORMS):
            texts |= _flat(value, f"{prefix}{name}.")
        else:
            texts[prefix + name] = value
    return texts


def _listed(names: set[str]) -> str:
    return " and ".join(sorted(names)) or "nothing"


CATALOGUE = read_catalogue(FOLDER)
