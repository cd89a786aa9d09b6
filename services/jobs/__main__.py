"""`python -m services.jobs COMMAND`: the jobs from the command line. Errors are one line; 0 is done, 1 is
refused, 2 is not understood."""

from __future__ import annotations

import asyncio
import logging
import sys

from services.errors import Invalid, ShopError
from services.jobs.commands.parser import parser
from services.jobs.commands.shell import Shell, printable
from services.jobs.resources import jobs_of, with_patience
from services.jobs.staff.shell import shell_user
from services.settings import DatabaseSettings, ProcessSettings, RedisSettings


async def run(arguments: list[str]) -> None:
    """Raises ShopError; SystemExit for what is not understood."""
    given = parser().parse_args(arguments)
    data, redis = DatabaseSettings.read(), with_patience(RedisSettings.read())
    made = jobs_of(data, redis, ProcessSettings.read(), pool_max=1, name="shell")
    async with made.open() as jobs:
        await given.command(Shell(jobs, shell_user(), given.json), given)


def _why(error: ShopError) -> str:
    if isinstance(error, Invalid):
        return "; ".join(f"{one.field} {one.message}" for one in error.errors) or error.title
    facts = ", ".join(f"{name} {value}" for name, value in error.facts.items())
    return (error.detail or error.title) + (f" ({facts})" if facts else "")


def main() -> None:
    # Or Python would print our warnings on standard error, between the answers.
    logging.getLogger("kiosk").addHandler(logging.NullHandler())
    try:
        asyncio.run(run(sys.argv[1:]))
    except ShopError as error:
        sys.exit(f"kiosk: {' '.join(printable(_why(error)).split())}")
    except BrokenPipeError:  # `| head`
        sys.stderr.close()


if __name__ == "__main__":
    main()
