"""Writes `services/storefront/openapi.json` from the services' route tables (`make openapi`).

The file is committed: a change of the public contract then shows in the diff, and a test fails
when it was not written anew.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from services.catalog.app import service as catalog
from services.checkout.app import service as checkout
from services.jobs.app import service as jobs
from services.openapi import document

PATH = Path(__file__).parent.parent / "services" / "storefront" / "openapi.json"
API_VERSION = "1"


def current() -> bytes:
    services = [(service.name, service.operations) for service in (catalog, checkout, jobs)]
    return msgspec.json.format(msgspec.json.encode(document(services, API_VERSION)), indent=2) + b"\n"


if __name__ == "__main__":
    PATH.write_bytes(current())
    print(f"wrote {PATH.name}")
