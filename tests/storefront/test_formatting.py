"""How the shop writes what it counts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.storefront.formatting import from_now
from services.storefront.languages import ENGLISH, GERMAN, speaking


@pytest.mark.parametrize(
    ("seconds", "english", "german"),
    [
        (0, "in 1 second", "in 1 Sekunde"),
        (59, "in 59 seconds", "in 59 Sekunden"),
        (61, "in 2 minutes", "in 2 Minuten"),
        (599, "in 10 minutes", "in 10 Minuten"),
        (3_590, "in 1 hour", "in 1 Stunde"),
        (28_000, "in 8 hours", "in 8 Stunden"),
        (90_000, "in 2 days", "in 2 Tagen"),
    ],
)
def test_a_wait_is_rounded_and_never_told_shorter_than_it_is(seconds: int, english: str, german: str) -> None:
    with speaking(ENGLISH):
        assert from_now(timedelta(seconds=seconds)) == english
    with speaking(GERMAN):
        assert from_now(timedelta(seconds=seconds)) == german
