"""`python -m ops.deploy.probe URL RELEASE` asks the store what shoppers ask, at a steady rate, on new and on
kept connections, until SIGTERM or the end of its input. Twice a second it prints what it saw so far as a
line of JSON (ProbeReport), and once more at its end. `--once` asks everything once and ends.

A request fails when there is no whole answer in time, when the status is 500 or above, and when nobody of
ours answered (no X-Release: such as Traefik's own 404). 429 counts apart: limits are no fault of a release.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec

from ops.deploy.probe_key import HEADER
from ops.deploy.probe_report import FAILURES_SHOWN, Failure, ProbeReport
from services.events import wait_at_most

_ASSET = re.compile(r"""(?:href|src)=["']?(/assets/[^"'>\s]+)""")
_AT_ONCE_MAX = 200
_REPORT_SECONDS = 0.5
_LATENCIES_KEPT = 200_000


@dataclass(frozen=True, slots=True)
class Target:
    """Something to ask for. The links of a `page` to assets are asked for after it."""

    group: str
    path: str
    method: str = "GET"
    page: bool = False


CART = Target("checkout", "/api/checkout/carts", "POST")
STEADY = (
    Target("storefront", "/", page=True),
    Target("catalog", "/api/catalog/products?limit=4"),
    CART,
    Target("catalog", "/api/catalog/categories"),
    Target("storefront", "/cart", page=True),
    Target("checkout", "/api/checkout/countries"),
    Target("health", "/up"),
)


@dataclass
class Tally:
    """Counts what came back."""

    started: float = field(default_factory=time.monotonic)
    probed: int = 0
    failed: int = 0
    limited: int = 0
    latencies_ms: deque[float] = field(default_factory=lambda: deque(maxlen=_LATENCIES_KEPT))
    failures: list[Failure] = field(default_factory=list)
    releases: dict[str, Counter[str]] = field(default_factory=dict)

    def answered(self, group: str, release: str, milliseconds: float, *, limited: bool) -> None:
        self.probed += 1
        self.limited += limited
        self.latencies_ms.append(milliseconds)
        self.releases.setdefault(group, Counter())[release] += 1

    def missed(self, target: Target, connection: str, why: str) -> None:
        self.probed += 1
        self.failed += 1
        if len(self.failures) < FAILURES_SHOWN:
            at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            request = f"{target.method} {target.path}"
            self.failures.append(Failure(at, target.group, request, connection, why))

    def report(self, *, final: bool) -> ProbeReport:
        ordered = sorted(self.latencies_ms)
        return ProbeReport(
            self.probed,
            self.failed,
            self.limited,
            time.monotonic() - self.started,
            _quantile(ordered, 0.5),
            _quantile(ordered, 0.99),
            ordered[-1] if ordered else None,
            self.failures,
            {group: dict(counts) for group, counts in self.releases.items()},
            final,
        )


def _quantile(ordered: list[float], share: float) -> float | None:
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 1) if ordered else None


class Probe:
    """Asks one store. `clients` is the one that keeps its connections, and the one that never does."""

    def __init__(self, url: str, release: str, timeout_seconds: float) -> None:
        self.url, self.tally = url, Tally()
        # The same key for the whole deploy: carts must not pile up.
        self._cart_key = f"kiosk-probe-{release}"
        kept = httpx.Limits(max_connections=_AT_ONCE_MAX, keepalive_expiry=60)
        new = httpx.Limits(max_connections=_AT_ONCE_MAX, max_keepalive_connections=0)
        self.clients = {
            name: httpx.AsyncClient(
                timeout=timeout_seconds,
                trust_env=False,
                verify=urlsplit(url).scheme == "https",
                headers={"User-Agent": f"kiosk-probe/{release}", **_key()},
                limits=limits,
            )
            for name, limits in (("kept", kept), ("new", new))
        }
        self.found: list[Target] = []  # what is asked for besides STEADY: a category, a product
        self.assets: deque[Target] = deque(maxlen=20)

    async def ask(self, target: Target, connection: str) -> httpx.Response | None:
        """One request; its answer when it was sound."""
        started = time.monotonic()
        headers = {"Idempotency-Key": self._cart_key} if target is CART else {}
        try:
            answer = await self.clients[connection].request(
                target.method, urljoin(self.url, target.path), headers=headers
            )
        except httpx.HTTPError as error:
            self.tally.missed(target, connection, _words(error))
            return None
        if (why := _unsound(target, answer)) is not None:
            self.tally.missed(target, connection, why)
            return None
        release, limited = answer.headers.get("X-Release", "?"), answer.status_code == 429
        self.tally.answered(target.group, release, (time.monotonic() - started) * 1000, limited=limited)
        if target.page and not limited:
            known = {asset.path for asset in self.assets}
            links = dict.fromkeys(_ASSET.findall(answer.text))
            self.assets.extend(Target("storefront", path) for path in links if path not in known)
        return answer

    async def discover(self) -> None:
        """A category and a product of this store, by its API."""
        answer = await self.ask(Target("catalog", "/api/catalog/products?limit=4"), "new")
        if answer is not None and answer.status_code == 200:
            slugs = [item["slug"] for item in answer.json().get("items", [])]
            for slug in slugs[:1]:
                self.found.append(Target("storefront", f"/products/{slug}", page=True))
                self.found.append(Target("catalog", f"/api/catalog/products/{slug}"))
        answer = await self.ask(Target("catalog", "/api/catalog/categories"), "new")
        if answer is not None and answer.status_code == 200 and (path := _first_category(answer.json())):
            self.found.append(Target("storefront", f"/categories/{path}", page=True))

    async def once(self) -> None:
        """Everything, one after the other, assets last."""
        await self.discover()
        for target in (*STEADY, *self.found):
            await self.ask(target, "new")
        while self.assets:
            await self.ask(self.assets.popleft(), "kept")

    async def run(self, requests_per_second: float, stop: asyncio.Event) -> None:
        """A request every so often, whether or not the ones before are answered, until `stop`."""
        await self.discover()
        running: set[asyncio.Task[object]] = set()
        number, due = 0, time.monotonic()
        while not stop.is_set():
            target = self._next(number)
            connection = "kept" if (number // 2) % 2 else "new"
            if len(running) < _AT_ONCE_MAX:
                task: asyncio.Task[object] = asyncio.create_task(self.ask(target, connection))
                running.add(task)
                task.add_done_callback(running.discard)
            number, due = number + 1, due + 1 / requests_per_second
            await wait_at_most(stop, max(0.0, due - time.monotonic()))
        if running:
            await asyncio.wait(running)

    def _next(self, number: int) -> Target:
        """Assets of the pages seen take every third turn."""
        if self.assets and number % 3 == 2:
            return self.assets.popleft()
        targets = (*STEADY, *self.found)
        return targets[number % len(targets)]

    async def close(self) -> None:
        for client in self.clients.values():
            await client.aclose()


def _key() -> dict[str, str]:
    """Shown so that nobody limits us; from the environment, where other users of the machine don't see it."""
    key = os.environ.get("RATE_LIMIT_PROBE_KEY")
    return {HEADER: key} if key else {}


def _unsound(target: Target, answer: httpx.Response) -> str | None:
    status, ours = answer.status_code, "X-Release" in answer.headers
    if status == 429:
        return None
    if status >= 500 or not ours:
        return f"answered {status}" + ("" if ours else " by the edge, not by a service of ours")
    if target.path.startswith("/assets/") and status >= 400:
        return f"answered {status} although a page links it"
    return None


def _words(error: httpx.HTTPError) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _first_category(tree: object) -> str | None:
    """The slug (or path) of the first category in the tree."""
    items = tree.get("items", []) if isinstance(tree, dict) else tree
    if not isinstance(items, list) or not items or not isinstance(items[0], dict):
        return None
    found = items[0].get("slug") or items[0].get("path")
    return found if isinstance(found, str) else None


def _tell(report: ProbeReport) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    sys.stdout.buffer.flush()


async def _tell_on(probe: Probe) -> None:
    while True:
        await asyncio.sleep(_REPORT_SECONDS)
        _tell(probe.tally.report(final=False))


async def _main(chosen: argparse.Namespace) -> None:
    probe, stop = Probe(chosen.url, chosen.release, chosen.timeout), asyncio.Event()
    if chosen.once:
        await probe.once()
    else:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_reader(sys.stdin.fileno(), stop.set)  # whoever started us is gone
        telling = asyncio.create_task(_tell_on(probe))
        await probe.run(chosen.rate, stop)
        telling.cancel()
    _tell(probe.tally.report(final=True))
    await probe.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ops.deploy.probe", description=__doc__.split("\n")[0])
    parser.add_argument("url")
    parser.add_argument("release", help="what is being deployed: names the cart and the user agent")
    parser.add_argument("--rate", type=float, default=20.0, help="requests per second")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds an answer may take")
    parser.add_argument("--once", action="store_true", help="ask everything once")
    asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()
