"""What a line of the log may tell."""

from __future__ import annotations

import json
import logging
import sys
import uuid
from datetime import UTC, datetime

import pytest

from services.logs import JsonLines, PrettyLines
from services.request_context import RequestContext, current_request


@pytest.mark.parametrize("formatter", [JsonLines("checkout", "r1"), PrettyLines()], ids=["json", "pretty"])
def test_emails_are_hidden_wherever_they_come_from(formatter: logging.Formatter) -> None:
    said = "Key (email)=(ada@example.com) already exists\nada@example.com"  # a line of its own: \\n in JSON
    try:
        raise ValueError(said)
    except ValueError:
        info = sys.exc_info()
    record = logging.LogRecord("kiosk", logging.ERROR, "", 0, "sent to %s", ("ada+x@mail.example.com",), info)
    record.facts = {"cause": "no mailbox grace.o'hopper@example.org"}
    line = formatter.format(record)
    assert "@" not in line
    assert line.count("•••") == 4
    if isinstance(formatter, JsonLines):
        assert json.loads(line)["message"] == "sent to •••"


PRIVATE = {
    "card": "card 4242 4242 4242 4242",
    "token": "with Bearer abc.d-e=, then sk_test_4eC39HqLyjWD",
    "password": "postgresql://kiosk:s3cret@db/kiosk",
    "row": "null value\nDETAIL:  Failing row contains (9f0e5d, Ada (Byron),\n12 St. James's Square).",
    "key": "duplicate key\nDETAIL:  Key (name, address)=(Ada, London (SW1)) already exists.",
}
LEAKS = ("4242", "abc.d", "4eC39", "s3cret", "9f0e5d", "Ada", "Square", "London")


class Refused(Exception):
    """What the gateway might say."""


@pytest.mark.parametrize("formatter", [JsonLines("checkout", "r1"), PrettyLines()], ids=["json", "pretty"])
@pytest.mark.parametrize("private", PRIVATE.values(), ids=PRIVATE)
def test_what_an_error_quotes_is_hidden_wherever_it_is_told(
    formatter: logging.Formatter, private: str
) -> None:
    try:
        raise Refused(private)
    except Refused as refused:
        error, info = refused, sys.exc_info()
    record = logging.LogRecord("kiosk", logging.ERROR, "", 0, "refused: %s", (private,), info)
    record.facts = {"why": private, "error": error, "all": [{"deep": private}], "job": "j1"}
    line = formatter.format(record)
    assert not [leak for leak in LEAKS if leak in line]
    assert line.count("•••") >= 5
    assert "raise Refused(private)" in line
    assert "j1" in line


@pytest.mark.parametrize("formatter", [JsonLines("checkout", "r1"), PrettyLines()], ids=["json", "pretty"])
def test_what_one_follows_a_request_by_stays(formatter: logging.Formatter) -> None:
    """Also where it looks like a card's number by chance."""
    request_id, trace_id, job = "4242424242424242", "4242" * 8, "0198c0de-7b1e-7a33-9f0e-5d1c2b3a4f50"
    record = logging.LogRecord("kiosk", logging.INFO, "", 0, "GET /orders 200 order 1000042", (), None)
    due = datetime(2026, 7, 1, 12, tzinfo=UTC)
    record.facts = {"route": "/orders", "ms": 3400.5, "job": job, "attempt": uuid.UUID(job), "run_at": due}
    token = current_request.set(RequestContext(request_id, traceparent=f"00-{trace_id}-{'1' * 16}-01"))
    line = formatter.format(record)
    current_request.reset(token)
    for known in (request_id, trace_id, job, "/orders", "3400.5", "1000042", "2026-07-01"):
        assert known in line
    assert "•••" not in line
