"""`python -m ops.doctor`: asks a store's /health, prints it, and says what to do for each thing that is
wrong.

Ends with 0 when all is well, 1 when something is degraded, 2 when the store is down or does not answer.
`make doctor` prints the same; make itself turns every failure into its own 2.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import httpx
import msgspec

from ops.console import say
from ops.doctor.place import Place, address_place, destination_place, local_place
from ops.doctor.report import Seen, report
from services.settings import ProcessSettings

EXIT_OF = {"ok": 0, "degraded": 1, "unknown": 1, "down": 2}
_TIMEOUT_SECONDS = 10.0


class Unreachable(Exception):
    """The store's /health gave no answer, or not one of ours."""


def ask(place: Place) -> tuple[Seen, bytes]:
    """What the store says of itself, read and as it came. Raises Unreachable."""
    headers = {"Accept": "application/json"}
    if place.key:
        headers["Authorization"] = f"Bearer {place.key}"
    try:
        with httpx.Client(timeout=_TIMEOUT_SECONDS, trust_env=place.name != "local") as client:
            answer = client.get(f"{place.url}/health", headers=headers).raise_for_status()
        return msgspec.json.decode(answer.content, type=Seen), answer.content
    except (httpx.HTTPError, httpx.InvalidURL, msgspec.DecodeError) as error:
        raise Unreachable(f"{place.url}/health: {type(error).__name__}: {error}") from error


def examine(place: Place, *, as_json: bool = False) -> int:
    """Prints the report; the exit code."""
    try:
        seen, told = ask(place)
    except Unreachable as error:
        say(f"  ✗ the store does not answer: {error}")
        say(f"    → {place.start}; then read {place.log('traefik')} and {place.log('health')}")
        return 2
    if as_json:
        say(told.decode())
    else:
        for line in report(seen, place):
            say(line)
    return EXIT_OF.get(seen.status, 1)


def main(words: list[str] | None = None) -> int:
    """Raises OperatorError where a destination can't be read."""
    parser = argparse.ArgumentParser(prog="python -m ops.doctor", description="Is the store well?")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--to", help="the destination: production reads .env.production")
    where.add_argument("--url", help="any store's public address; ADMIN_API_KEY opens its details")
    parser.add_argument("--json", action="store_true", help="what /health says, as it is")
    chosen: Any = parser.parse_args(words)
    if chosen.to:
        place: Place | None = destination_place(chosen.to)
    elif chosen.url:
        place = address_place(chosen.url, ProcessSettings.read().admin_api_key)
    else:
        place = local_place()
    if place is None:
        say("  ✗ nothing runs in this clone")
        say("    → `make up`; for production: make doctor TO=production")
        return 2
    return examine(place, as_json=chosen.json)


if __name__ == "__main__":
    sys.exit(main())
