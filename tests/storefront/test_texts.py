"""The catalogue of texts: complete in every language, and asked only for what it has."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from services.design.assets import Assets
from services.money import Money
from services.storefront import rendering, texts
from services.storefront.languages import BY_CODE, ENGLISH, GERMAN, LANGUAGES, Language, speaking
from services.storefront.texts import CATALOGUE, TextError, read_catalogue, rich, text

SOURCES = sorted(Path(rendering.__file__).parent.glob("*.py"))
# What no language ever says: a straight quote or apostrophe, three dots, blanks at an end.
_CARELESS = re.compile(r"(?<!=)\"(?![^<]*>)|(?<=\w)'(?=\w)|\.\.\.|^\s|\s$")


def forms(found: texts.Text) -> list[str]:
    return [found] if isinstance(found, str) else list(found.values())


@pytest.mark.parametrize("code", sorted(BY_CODE.keys() - {ENGLISH.code}))
def test_every_language_says_everything(code: str) -> None:
    assert CATALOGUE[ENGLISH.code].keys() - CATALOGUE[code].keys() == set()


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
def test_plurals_have_the_forms_of_their_language(language: Language) -> None:
    for key, found in CATALOGUE[language.code].items():
        if isinstance(found, dict):
            assert found.keys() == {language.locale.plural_form(n) for n in range(200)} | {"other"}, key


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
def test_texts_are_set_with_care(language: Language) -> None:
    careless = [
        key
        for key, found in CATALOGUE[language.code].items()
        if any(_CARELESS.search(form) for form in forms(found))
    ]
    assert careless == []


def test_code_asks_for_texts_that_there_are_with_their_values() -> None:
    asked = [(path.name, call) for path in SOURCES for call in _calls(path)]
    assert asked
    for where, call in asked:
        key = call.args[0]
        if isinstance(key, ast.Constant):
            given = {argument.arg for argument in call.keywords if argument.arg}
            texts.require_known(str(key.value), given, f"{where}:{call.lineno}")


def _calls(path: Path) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("text", "rich")
    ]


def test_a_text_takes_amounts_and_plurals_as_the_language_writes_them(tmp_path: Path) -> None:
    (tmp_path / "en.toml").write_text('[a]\nfew = {one = "{count} cup", other = "{count} cups for {price}"}')
    (tmp_path / "de.toml").write_text(
        '[a]\nfew = {one = "{count} Tasse", other = "{count} Tassen für {price}"}'
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "CATALOGUE", read_catalogue(tmp_path))
        price = Money(123456, "EUR")
        assert text("a.few", count=1, price=price) == "1 cup"
        assert text("a.few", count=1234, price=price) == "1,234 cups for €1,234.56"
        with speaking(GERMAN):
            assert text("a.few", count=1234, price=price) == "1.234 Tassen für 1.234,56\N{NO-BREAK SPACE}€"


def test_values_are_escaped_where_the_text_holds_markup(tmp_path: Path) -> None:
    (tmp_path / "en.toml").write_text('a = "to <b>{who}</b>"')
    (tmp_path / "de.toml").write_text("")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "CATALOGUE", read_catalogue(tmp_path))
        assert rich("a", who="<i>{who}") == "to <b>&lt;i&gt;{who}</b>"
        with speaking(GERMAN):
            assert rich("a", who="x") == "to <b>x</b>", "said in English until it is translated"


@pytest.mark.parametrize(
    ("german", "problem"),
    [
        ('b = "x"', "de.toml has b"),
        ('a = "{whom}"', "a must take who"),
        ("a =", "de.toml can't be read"),
    ],
)
def test_a_catalogue_that_contradicts_english_stops_the_process(
    german: str, problem: str, tmp_path: Path
) -> None:
    (tmp_path / "en.toml").write_text('a = "to {who}"')
    (tmp_path / "de.toml").write_text(german)
    with pytest.raises(TextError, match=re.escape(problem)):
        read_catalogue(tmp_path)


@pytest.mark.parametrize("asked", ['text("no.such")', 'text("language.choose", name=1)'])
def test_a_template_that_asks_for_what_is_not_there_stops_the_process(
    asked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"{abs(hash(asked))}.html").write_text("{{ " + asked + " }}")
    monkeypatch.setattr(rendering, "_FOLDER", tmp_path)
    with pytest.raises(TextError, match=r"templates/.*, line 1,"):
        rendering.Templates("Kiosk", Assets("/assets/", Path(rendering.__file__).parent / "assets"))
