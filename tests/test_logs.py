"""What a line of the log may tell."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from services.logs import JsonLines, PrettyLines


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
