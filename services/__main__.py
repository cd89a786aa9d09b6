"""`python -m services NAME` runs one process. One image holds them all; the name picks it."""

from __future__ import annotations

import signal
import sys
from importlib import import_module

import uvloop

from services.settings import ProcessSettings

WEB = ("storefront", "catalog", "checkout", "jobs", "health")
WORKERS = {"worker-durable": "durable", "worker-fast": "fast"}


def main(arguments: list[str]) -> None:
    # Process 1 of a container is not ended by a signal it does not handle, and importing takes a second.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    name = arguments[0] if len(arguments) == 1 else ""
    if name in WEB:
        service = import_module(f"services.{name}.app").service
        uvloop.run(service.run(ProcessSettings.read()))
    elif name in WORKERS:
        import_module("services.jobs.worker").main(WORKERS[name])
    else:
        sys.exit(f"usage: python -m services {{{','.join((*WEB, *WORKERS))}}}")


if __name__ == "__main__":
    main(sys.argv[1:])
