"""The switch: remembers the language a shopper chose, and leads back to the page it was chosen on."""

from __future__ import annotations

import re

from starlette.types import ASGIApp

from services.decode import Input, Nothing
from services.operations import Call
from services.storefront import languages
from services.storefront.forms import form, see_other
from services.storefront.shop import Shop

_MAX_AGE_SECONDS = 365 * 24 * 3600
# A path of this very shop. Two slashes, or a slash and a backslash, would lead a browser to another one.
_OWN_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]{0,2000}")


class LanguageForm(Input, frozen=True):
    """`back` is the page's own path and query."""

    language: str = ""
    back: str = "/"


async def choose_language(call: Call[Shop, Nothing, LanguageForm]) -> ASGIApp:
    """What is no language of ours changes nothing."""
    chosen = call.body
    answer = see_other(chosen.back if _OWN_PATH.fullmatch(chosen.back) else "/")
    if chosen.language in languages.BY_CODE:
        answer.set_cookie(
            languages.COOKIE,
            chosen.language,
            max_age=_MAX_AGE_SECONDS,
            path="/",
            secure=call.resources.public_url.startswith("https://"),
            httponly=True,
            samesite="lax",
        )
    return answer


OPERATIONS = [form("/language", choose_language, "Sets the shop's language", LanguageForm)]
