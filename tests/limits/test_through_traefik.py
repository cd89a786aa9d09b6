"""The limits of a whole store, as `make up` runs it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import PATIENT, PATIENT_WITH_REDIS
from tests.store import NO_TLS, LocalStore, local_store

SUGGESTIONS = 25


@pytest.fixture(scope="module")
def store() -> Iterator[LocalStore]:
    with local_store(
        RATE_LIMIT_ENABLED="yes",
        RATE_LIMIT_SUGGEST_PER_MINUTE=str(SUGGESTIONS),
        RATE_LIMIT_PROBE_KEY="probes-key",
        PRODUCTS="20",
        **PATIENT,
        **PATIENT_WITH_REDIS,
    ) as running:
        yield running


def asked(url: str, number: int, **headers: str) -> Counter[int]:
    with httpx.Client(base_url=url, trust_env=False, verify=NO_TLS) as client:
        return Counter(
            client.get(
                "/api/catalog/suggest?q=te", headers={"X-Forwarded-For": f"198.51.100.{n}", **headers}
            ).status_code
            for n in range(number)
        )


def test_exactly_the_limit_passes_the_public_door_and_the_inner_one_has_none(store: LocalStore) -> None:
    ports = json.loads((store.folder / ".local" / "ports.json").read_text())
    found = asked(store.url, SUGGESTIONS + 15, **{"X-Entry": "internal"})
    assert found == {200: SUGGESTIONS, 429: 15}, "neither address nor entry is the caller's to say"
    assert asked(f"http://127.0.0.1:{ports['internal']}", SUGGESTIONS + 15) == {200: SUGGESTIONS + 15}
    assert asked(store.url, 30, **{"X-Probe-Key": "probes-key"}) == {200: 30}
    health = httpx.get(f"{store.url}/health", trust_env=False, verify=NO_TLS)
    assert health.status_code == 200
