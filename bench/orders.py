"""`make bench`, the order flow: POST order through Traefik, beside the same statements sent by pgbench to
the same database (which does not wait for its disk), in the same rounds. Once with the orders spread
over 1,000 articles, once all for one: then they queue for its row."""

from __future__ import annotations

import argparse
import asyncio
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from bench.load import run
from bench.stand import child, run_module, until_answered
from ops.local.edge import Edge, Upstream
from ops.local.ports import HOST, choose_ports
from ops.local.postgres import programs_for, temporary_postgres
from ops.local.valkey import temporary_valkey
from services.checkout.orders import orders
from services.checkout.payments import payments
from services.database import role_url
from services.queries import load_queries
from services.settings import DatabaseSettings

CLIENTS = 16
_PORTS = ("public", "internal", "ping", "checkout", "checkout-ops", "gateway")
_SQL = load_queries(__file__, "orders.sql")
_STOCK, _CARTS, _LINES = _SQL["stock"], _SQL["carts"], _SQL["lines"]
_ORDERS = load_queries(orders.__file__, "orders.sql")
_PAYMENTS = load_queries(payments.__file__, "payments.sql")
_AIM = 0.70


@dataclass(frozen=True, slots=True)
class Stand:
    url: str
    database_url: str


@contextmanager
def _stand(folder: Path) -> Iterator[Stand]:
    ports = choose_ports(folder / "ports.json", _PORTS)
    with ExitStack() as stack:
        postgres, valkey = stack.enter_context(temporary_postgres()), stack.enter_context(temporary_valkey())
        edge = Edge(folder, ports["public"], ports["internal"], ports["ping"])
        edge.write([Upstream("checkout", ports["checkout"], ports["checkout-ops"])])
        variables = {
            "DATABASE_URL": postgres.url,
            "RATE_LIMIT_ENABLED": "no",
            "REDIS_URL": valkey.url,
            "APP_PORT": str(ports["checkout"]),
            "OPS_PORT": str(ports["checkout-ops"]),
            "INTERNAL_URL": edge.internal_url,
            "LOG_LEVEL": "WARNING",
            "PAYMENT_API_URL": f"http://{HOST}:{ports['gateway']}",
            "PAYMENT_PUBLIC_API_URL": f"http://{HOST}:{ports['gateway']}",
            "PAYMENT_SECRET_KEY": "sk_test_bench",
            "PAYMENT_PUBLISHABLE_KEY": "pk_test_bench",
            "PAYMENT_WEBHOOK_SECRETS": "whsec_bench",
        }
        python = [sys.executable, "-m"]
        run_module([*python, "ops.migrate"], variables)
        stack.enter_context(child([*python, "bench.bare_gateway", str(ports["gateway"])], {}))
        stack.enter_context(child([*python, "services", "checkout"], variables))
        stack.enter_context(child(edge.command(), edge.environment | {"RATE_LIMIT_ENABLED": "no"}))
        until_answered(f"http://{HOST}:{ports['checkout-ops']}/readyz")
        until_answered(f"{edge.public_url}/api/checkout/orders/nobody", 404)
        asyncio.run(_stock_up(postgres.url))
        yield Stand(edge.public_url, postgres.url)


async def _stock_up(database_url: str) -> None:
    owner = await asyncpg.connect(database_url)
    try:
        await owner.execute(_STOCK)
    finally:
        await owner.close()


async def _make_carts(database_url: str, prefix: str, number: int, articles: int) -> None:
    """Carts of three lines (of one, when there is one article), ready to be ordered."""
    owner = await asyncpg.connect(database_url)
    try:
        await owner.execute(_CARTS, prefix, number)
        await owner.execute(_LINES, prefix, number, articles)
        await owner.execute(f"CREATE SEQUENCE checkout.bench_{prefix}")
        await owner.execute("VACUUM ANALYZE")
    finally:
        await owner.close()


def _make(database_url: str, prefix: str, number: int, articles: int) -> None:
    asyncio.run(_make_carts(database_url, prefix, number, articles))


def _through_the_shop(place: Stand, prefix: str, carts: int, seconds: int) -> float:
    paths = [f"/api/checkout/carts/{prefix}-{number}/order" for number in range(1, carts + 1)]
    result = run(place.url, paths, seconds, clients=CLIENTS, method="POST")
    if result.failed:
        sys.exit(f"bench: {result.failed} orders failed")
    return result.requests_per_second


def _by_pgbench(place: Stand, prefix: str, _carts: int, seconds: int) -> float:
    """The statements of one order as checkout sends them, without checkout."""
    program = programs_for(None, Path()) / "pgbench"
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "order.sql"
        script.write_text(_script(prefix))
        command = [str(program), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "1", "-T", str(seconds)]
        url = role_url(DatabaseSettings(database_url=place.database_url), "checkout")
        done = subprocess.run([*command, "-f", str(script), url], capture_output=True, text=True, check=False)
    rate = re.search(r"tps = ([\d.]+)", done.stdout)
    if done.returncode != 0 or rate is None:
        sys.exit(f"bench: pgbench: {done.stderr[-2000:]}")
    return float(rate[1])


def _script(prefix: str) -> str:
    """Each statement of services/checkout with its parameters written in, in the order they are sent."""
    place = _with(
        _ORDERS["place"],
        f"'{prefix}-' || :cart",
        f"'{prefix}-' || :cart",
        "'fingerprint'",
        f"'{prefix}-token-' || :cart",
        *("NULL", "30", "5", "'sandbox'", "NULL", "NULL"),
    )
    placed = _with(_ORDERS["placed"], ":order_id", "'pk'", "'http://gateway'")
    heard = _with(
        _PAYMENTS["heard"],
        ":attempt_id",
        f"'pi-{prefix}-' || :cart",
        "'secret'",
        "'ready'",
        "NULL",
        "false",
    )
    return f"""
SELECT nextval('checkout.bench_{prefix}') AS cart \\gset
{place} \\gset
{placed} \\gset
{_with(_PAYMENTS["attempt"], ":attempt_id")} \\gset
{heard};
{placed} \\gset
"""


def _with(statement: str, *values: str) -> str:
    body = " ".join(line for line in statement.splitlines() if not line.strip().startswith("--"))
    return re.sub(r"\$(\d+)", lambda found: values[int(found[1]) - 1], body)


def measure(rounds: int, seconds: int) -> None:
    ways: dict[str, Callable[[Stand, str, int, int], float]] = {
        "checkout": _through_the_shop,
        "pgbench": _by_pgbench,
    }
    print(f"\norders, median of {rounds} rounds of {seconds} s, {CLIENTS} clients")
    print(f"{'':22}{'orders/s':>9}{'pgbench':>9}{'share':>8}{'aim':>7}")
    with tempfile.TemporaryDirectory() as folder, _stand(Path(folder)) as place:
        for name, articles in (("spread over 1,000", 1000), ("all for one", 1)):
            rates: dict[str, list[float]] = {way: [] for way in ways}
            for number in range(rounds):
                for way, take in ways.items():
                    carts = (2_000 if way == "checkout" else 8_000) * seconds
                    prefix = f"{way}{articles}r{number}"
                    _make(place.database_url, prefix, carts, articles)
                    rates[way].append(take(place, prefix, carts, seconds))
            ours, theirs = (statistics.median(rates[way]) for way in ("checkout", "pgbench"))
            print(f"{name:22}{ours:9,.0f}{theirs:9,.0f}{ours / theirs:8.2f}{_AIM:7.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.orders", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    asked = parser.parse_args()
    measure(asked.rounds, asked.seconds)
