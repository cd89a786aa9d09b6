"""One's own account."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.decode import Nothing
from services.errors import FieldError, Invalid
from services.jobs.resources import Jobs
from services.jobs.staff import accounts
from services.jobs.staff.access import form, page
from services.jobs.staff.admitted import admitted
from services.jobs.staff.cookie import forget_session
from services.jobs.staff.login_address import LOGIN, see_other
from services.jobs.staff.passwords import LENGTH_MIN
from services.jobs.staff.rendering import html_page
from services.jobs.staff.who import Who
from services.operations import Call


class PasswordChange(msgspec.Struct, frozen=True):
    old_password: str = ""
    new_password: str = ""
    repeated: str = ""


async def account(call: Call[Jobs, Nothing, Nothing], _who: Who) -> Response:
    return _page(call.request)


def _page(request: Request, errors: tuple[FieldError, ...] = ()) -> Response:
    status = 422 if errors else 200
    return html_page(request, "account.html", status, errors=errors, length_min=LENGTH_MIN)


async def change_password(call: Call[Jobs, Nothing, PasswordChange], _who: Who) -> Response:
    found, wanted = admitted(call.request), call.body
    assert found is not None
    assert found.session is not None
    if wanted.new_password != wanted.repeated:  # rule: secret-compare, because one person typed both
        return _page(call.request, (FieldError("repeated", "is not the same"),))
    try:
        await accounts.change_own_password(
            call.resources.database, found.session, wanted.old_password, wanted.new_password
        )
    except Invalid as error:
        return _page(call.request, error.errors)
    answer = see_other(f"{LOGIN}?changed=1")
    forget_session(answer, call.resources.public_url)
    return answer


OPERATIONS = [
    page("/jobs/account", account, "Your account"),
    form("/jobs/account/password", change_password, "Change your password", "viewer", PasswordChange),
]
