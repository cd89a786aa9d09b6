"""The token in every form behind the login. It follows from the session's own token, which no page shows and
no other site can read, so there is nothing to store; who logs in anew gets another one."""

from __future__ import annotations

import hashlib
import hmac

from services.errors import Forbidden


class WrongFormToken(Forbidden):
    slug, title = "wrong-form-token", "This form is no longer valid: load its page again"


def csrf_token(session_token: str) -> str:
    return hmac.new(session_token.encode(), b"csrf", hashlib.sha256).hexdigest()


def require_csrf(expected: str, given: str) -> None:
    """Raises WrongFormToken."""
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
        raise WrongFormToken()
