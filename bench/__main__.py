"""`make bench`: list, product, search and 304 beside a bare answer behind the same Traefik.

Rounds alternate over all cases, and each figure is the median of its rounds: these machines drift by
half, so only shares of one run may be compared, never absolute figures of two.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg

from bench.load import Result, run
from bench.stand import Stand, stand

LIST = "/api/catalog/products"


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    paths: list[str]
    aim: float | None = None  # share of the bare answer
    headers: tuple[str, ...] = ()


async def _sample(database_url: str) -> tuple[list[str], list[str], list[str], list[str]]:
    """Slugs, categories, words that many titles hold, and words that few hold."""
    connection = await asyncpg.connect(database_url)
    try:
        slugs = await connection.fetch("SELECT slug FROM catalog.products WHERE published_at IS NOT NULL")
        categories = await connection.fetch("SELECT slug FROM catalog.categories")
        words = await connection.fetch(
            "SELECT word FROM ts_stat('SELECT title_vector FROM catalog.search_documents') ORDER BY ndoc DESC"
        )
    finally:
        await connection.close()
    lists = [[row[0] for row in rows] for rows in (slugs, categories, words)]
    return lists[0], lists[1], lists[2][:20], lists[2][len(lists[2]) // 3 :]


def _cases(place: Stand) -> list[Case]:
    """The long tail: every request of a case that is not cached asks for something else."""
    slugs, categories, common, rare = asyncio.run(_sample(place.database_url))
    chance = random.Random(7)
    chance.shuffle(slugs)
    # Makes each address another one and narrows nothing: what is measured is the walk, not the filter.
    below = [f"price_max={10**9 + number}" for number in range(20_000)]

    def word(of: list[str], letters: int | None = None) -> str:
        return quote(chance.choice(of)[:letters])

    with urllib.request.urlopen(place.url + LIST) as answer:  # noqa: S310  # loopback
        tag = answer.headers["ETag"]
    return [
        Case("bare answer", ["/bare"]),
        Case("304", [LIST], 0.65, (f"If-None-Match: {tag}",)),
        Case("list, in memory", [LIST], 0.60),
        Case("product", [f"{LIST}/{slug}" for slug in slugs[:50_000]], 0.22),
        Case("list", [f"{LIST}?{price}" for price in below], 0.18),
        Case(
            "list of a category",
            [f"{LIST}?category={chance.choice(categories)}&{price}" for price in below],
            0.18,
        ),
        # A price filter makes it the dearest kind: both walks of services/catalog/facets.sql, each in full.
        Case(
            "list with facets",
            [f"{LIST}?{price}&facets=category,brand,price,attributes" for price in below],
        ),
        Case("search, rare word", [f"{LIST}?q={word(rare)}&{price}" for price in below], 0.12),
        Case("search, common word", [f"{LIST}?q={word(common)}&{price}" for price in below]),
        Case("list, few match", [f"{LIST}?price_min={chance.randrange(50_000, 200_000)}" for _ in below]),
        Case("suggest", [f"/api/catalog/suggest?q={word(rare)}%20{word(common, 3)}" for _ in below]),
    ]


def _measure(products: int, rounds: int, seconds: int) -> None:
    with tempfile.TemporaryDirectory() as folder, stand(products, Path(folder)) as place:
        cases = _cases(place)
        results: dict[str, list[Result]] = {case.name: [] for case in cases}
        for _ in range(rounds):
            for case in cases:
                results[case.name].append(run(place.url, case.paths, seconds, case.headers))
    bare = _median(results["bare answer"])
    print(f"\n{products:,} products, median of {rounds} rounds of {seconds} s, 32 clients, through Traefik")
    print(f"{'':22}{'req/s':>9}{'share':>8}{'aim':>7}{'p50 ms':>9}{'p99 ms':>9}{'failed':>8}")
    for case in cases:
        found = results[case.name]
        rate = _median(found)
        aim = "" if case.aim is None else f"{case.aim:.2f}"
        p50, p99 = (statistics.median(r.p50_ms for r in found), statistics.median(r.p99_ms for r in found))
        failed = sum(r.failed for r in found)
        print(f"{case.name:22}{rate:9,.0f}{rate / bare:8.2f}{aim:>7}{p50:9.1f}{p99:9.1f}{failed:8}")
    if any(result.failed for found in results.values() for result in found):
        raise SystemExit("Some answers were refusals or none: these figures say nothing.")


def _median(results: list[Result]) -> float:
    return statistics.median(result.requests_per_second for result in results)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--products", type=int, nargs="+", default=[1000, 100_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    asked = parser.parse_args()
    for products in asked.products:
        _measure(products, asked.rounds, asked.seconds)


if __name__ == "__main__":
    main()
