"""`python -m ops.import_products FILE` (`make import FILE=...`) streams products into the store: one
product a line, as `POST /api/catalog/admin/import` describes; `-` reads standard input.

Goes to INTERNAL_URL with ADMIN_API_KEY, or else to the stack that `make up` runs here: through the inner
door, because the public one cuts what takes longer than a minute. Exits 0 when every line is in the
shop, 1 when some were refused, 2 when the store could not be talked to.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import httpx
import msgspec

from ops.console import say
from ops.local.state import open_state
from services.settings import ProcessSettings

_PATH = "/api/catalog/admin/import"
_CHUNK_BYTES = 64 * 1024
_SAY_EVERY_SECONDS = 2.0
# The store answers when it has stored the last line; until then it takes bytes as fast as it stores.
_PATIENCE = httpx.Timeout(60, connect=5)


class LineError(msgspec.Struct, frozen=True):
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {f'{self.field}: ' if self.field else ''}{self.message}"


class Report(msgspec.Struct, frozen=True):
    created: int
    updated: int
    unchanged: int
    errors: list[LineError]
    errors_omitted: int = 0


class NotImported(SystemExit):
    """The store took nothing, or broke off: one line, exit code 2."""

    def __init__(self, problem: str) -> None:
        print(f"kiosk: {problem}", file=sys.stderr)
        super().__init__(2)


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m ops.import_products", description="Import products.")
    options.add_argument("file", metavar="FILE", help="NDJSON, one product a line; - is standard input")
    name = options.parse_args().file
    url, key = where()
    started = time.monotonic()
    try:
        if name == "-":
            report = send(sys.stdin.buffer, None, url, key)
        else:
            with Path(name).open("rb") as source:
                report = send(source, Path(name).stat().st_size, url, key)
    except OSError as error:
        raise NotImported(f"{name}: {error.strerror or error}") from None
    _tell(report, time.monotonic() - started)
    raise SystemExit(1 if report.errors else 0)


def where() -> tuple[str, str]:
    """The address and the admin key: of the environment, or else of the running stack. Raises
    NotImported."""
    url, key = os.environ.get("INTERNAL_URL"), ProcessSettings.read().admin_api_key
    running = None if url else open_state().running()
    told = running.environment if running is not None else {}
    url, key = url or told.get("INTERNAL_URL"), key or told.get("ADMIN_API_KEY")
    if not url:
        raise NotImported("nothing runs here: `make up` first, or set INTERNAL_URL")
    if not key:
        raise NotImported("ADMIN_API_KEY is not set")
    return url, key


def send(source: BinaryIO, size: int | None, url: str, key: str) -> Report:
    """Streams `source`, `size` bytes if known, and returns what the store says. Raises NotImported."""
    headers = {"Content-Type": "application/x-ndjson", "Authorization": f"Bearer {key}"}
    try:
        with httpx.Client(base_url=url, timeout=_PATIENCE, trust_env=False) as client:
            response = client.post(_PATH, content=_chunks(source, size), headers=headers)
    except httpx.HTTPError as error:
        raise NotImported(f"{url} does not answer ({str(error) or type(error).__name__})") from None
    if response.status_code != 200:
        raise NotImported(f"{url} answered {response.status_code}: {_reason(response)}")
    try:
        return msgspec.json.decode(response.content, type=Report)
    except msgspec.DecodeError:
        raise NotImported(f"{url} answered something that is no report; is it a Kiosk?") from None


def _chunks(source: BinaryIO, size: int | None) -> Iterator[bytes]:
    """The bytes, telling now and then how many have gone."""
    sent, told = 0, time.monotonic()
    while chunk := source.read(_CHUNK_BYTES):
        yield chunk
        sent += len(chunk)
        if time.monotonic() - told >= _SAY_EVERY_SECONDS:
            told = time.monotonic()
            part = f" of {size / 1e6:,.1f} MB, {sent / size:.0%}" if size else " MB"
            say(f"  import    {sent / 1e6:,.1f}{part}")


def _reason(response: httpx.Response) -> str:
    try:
        problem = response.json()
        return str(problem.get("detail") or problem["title"])
    except (ValueError, KeyError, AttributeError):
        return " ".join(response.text[:200].split())


def _tell(report: Report, seconds: float) -> None:
    for error in report.errors:
        say(str(error))
    if report.errors_omitted:
        say(f"and {report.errors_omitted:,} more errors")
    counts = f"{report.created:,} created, {report.updated:,} updated, {report.unchanged:,} unchanged"
    refused = len({error.line for error in report.errors})
    lines = f"{refused:,}{'+' if report.errors_omitted else ''} {'line' if refused == 1 else 'lines'} refused"
    say(f"  import    {counts}, {lines} in {seconds:.1f} s")


if __name__ == "__main__":
    main()
