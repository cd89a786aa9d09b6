"""`python -m ops.demo --products 1000` fills the catalog with a demo shop, in place of what is
there; with `--if-empty` only when nothing is. The same seed gives the same shop, down to the SKUs.
`--export FILE` writes it as an import file instead and needs no database.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

import asyncpg

from ops.console import OperatorError, say
from ops.demo.export import export
from ops.demo.load import Loaded, any_product, replace_catalog
from ops.migrate import owner_of
from services.settings import DatabaseSettings, SettingError, StoreSettings

SEED = 2026


def main() -> None:
    options = _options()
    if options.export is not None:
        size = export(options.export, options.products, options.seed, StoreSettings.read().currency)
        say(f"  {options.export}   {options.products:,} products, {size / 1e6:,.1f} MB")
        return
    database_url = DatabaseSettings.read().database_url
    if database_url is None:
        raise SettingError("DATABASE_URL", "is not set (see env.example)")
    asyncio.run(fill(database_url, options.products, options.seed, if_empty=options.if_empty))


async def fill(database_url: str, count: int, seed: int, *, if_empty: bool) -> None:
    """Loads the demo catalog as the owner of the database. Raises OperatorError when there is no
    database or no schema in it."""
    low_stock_level = StoreSettings.read().low_stock_level
    async with owner_of(database_url) as owner:
        try:
            if if_empty and await any_product(owner):
                say("  catalog   has products already; the demo catalog is left out")
                return
            loaded = await replace_catalog(owner, count, seed, low_stock_level)
        except (asyncpg.InvalidSchemaNameError, asyncpg.UndefinedTableError):
            raise OperatorError("the catalog has no tables yet; run `make migrate` first") from None
    say(in_a_line(loaded))


def in_a_line(loaded: Loaded) -> str:
    return (
        f"  catalog   {loaded.products:,} products, {loaded.variants:,} variants, "
        f"{loaded.categories:,} categories, {loaded.brands:,} brands in {loaded.seconds:.1f} s, "
        f"checksum {loaded.checksum}"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ops.demo", description="Load the demo catalog.")
    parser.add_argument("--products", type=_count, default=1000, metavar="N", help="how many (1000)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"which catalog ({SEED})")
    parser.add_argument("--if-empty", action="store_true", help="only when there is no product yet")
    parser.add_argument("--export", type=Path, metavar="FILE", help="write an import file instead")
    return parser.parse_args()


def _count(text: str) -> int:
    count = int(text)
    if not 1 <= count <= 10_000_000:
        raise argparse.ArgumentTypeError("must be from 1 to 10,000,000")
    return count


if __name__ == "__main__":
    main()
