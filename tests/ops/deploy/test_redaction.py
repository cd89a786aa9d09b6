"""No secret of a destination survives redaction, however it is written."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from ops.deploy.redaction import HIDDEN, redact, secret_words
from ops.deploy.site import Site
from services.database import role_url
from services.settings import DatabaseSettings
from tests.ops.deploy.destinations import CANARY, SECRETS, destination


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_is_seen(name: str) -> None:
    words = secret_words(destination())
    assert CANARY not in redact(f"{name} is {SECRETS[name]}, they say", words).replace("canary-user", "")


def test_a_derived_password_is_not_seen_either() -> None:
    given = destination()
    derived = role_url(DatabaseSettings.read({"DATABASE_URL": SECRETS["DATABASE_URL"]}), "catalog")
    password = derived.partition("://kiosk_catalog:")[2].partition("@")[0]
    assert len(password) > 20
    assert password not in redact(f"password {password}", secret_words(given))


def test_a_password_is_hidden_as_it_is_and_as_its_url_writes_it() -> None:
    plain = "p@ss/word"
    given = destination(DATABASE_URL=f"postgresql://kiosk:{quote(plain, safe='')}@postgres:5432/kiosk")
    assert redact(f"{plain} {quote(plain, safe='')}", secret_words(given)) == f"{HIDDEN} {HIDDEN}"


def test_each_of_several_webhook_secrets_is_hidden() -> None:
    words = secret_words(destination(PAYMENT_WEBHOOK_SECRETS="whsec_one,whsec_two"))
    assert redact("whsec_one whsec_two", words) == f"{HIDDEN} {HIDDEN}"


def test_the_password_of_any_url_is_hidden_and_the_rest_can_be_read() -> None:
    assert redact("at amqp://me:secret@host:1/x", ()) == f"at amqp://me:{HIDDEN}@host:1/x"


def test_a_half_filled_destination_hides_what_it_has() -> None:
    words = secret_words(destination(DATABASE_URL="", PUBLIC_URL=""))
    assert CANARY not in redact(SECRETS["ADMIN_API_KEY"], words)


def test_a_site_redacts_with_its_destinations_secrets() -> None:
    assert Site(None, destination()).redact(SECRETS["SES_PASSWORD"]) == HIDDEN  # type: ignore[arg-type]  # no engine is asked
