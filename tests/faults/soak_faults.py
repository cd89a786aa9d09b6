"""Random faults of everything a store stands on, one at a time, by a seed."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from tests.faults.fault_kinds import FAULTS
from tests.faults.matrix_store import MatrixStore
from tests.faults.redis_faults import REDIS_FAULTS
from tests.freezing import frozen
from tests.store import NO_TLS, get, wait_until

GATEWAY_MODES = ("hang", "lost_reply", "reset", "error_500", "stored_500", "rate_limited")
MAIL_MODES = ("refuse", "hang", "lost_reply")
KILLED = ("catalog", "checkout", "storefront", "jobs", "health", "worker-durable", "worker-fast")
GRACE_SECONDS = 10.0  # for breakers, pools and Traefik to see that all is well again
_BACK_SECONDS = 90.0
_PARTS = ("database", "redis", "catalog", "checkout", "jobs", "storefront")


@dataclass
class Trouble:
    """Makes one fault after the other. `at_work` is its name; `over_at` the monotonic time the last ended."""

    matrix: MatrixStore
    random: random.Random
    at_work: str | None = None
    over_at: float = float("-inf")
    made: Counter[str] = field(default_factory=Counter)

    @property
    def excuses(self) -> bool:
        """Whether a 502 or 503 may be somebody's honest word now."""
        return self.at_work is not None or time.monotonic() - self.over_at < GRACE_SECONDS

    def make(self) -> None:
        """One fault, from its beginning to the end; blocks."""
        kinds: dict[str, Callable[[], None]] = {
            "Redis, the line": self._redis_line,
            "Redis itself": self._redis_itself,
            "PostgreSQL frozen": self._freeze_postgres,
            "PostgreSQL restarted": self._restart_postgres,
            "gateway": self._gateway,
            "mail": self._mail,
            "killed": self._kill,
        }
        self.at_work = self.random.choice(list(kinds))
        self.made[self.at_work] += 1
        try:
            kinds[self.at_work]()
            wait_until(self.is_well, f"the store is well again after: {self.at_work}", _BACK_SECONDS)
        finally:
            self.over_at, self.at_work = time.monotonic(), None

    def is_well(self) -> bool:
        """What `/health` says of the store's own parts; of gateway and mail only the next call tells."""
        try:
            answer = get(f"{self.matrix.store.url}/health")
        except httpx.TransportError:
            return False
        if answer.status_code != 200:
            return False
        checks = answer.json()["checks"]
        return all(checks[name]["status"] == "ok" for name in _PARTS)

    def _hold(self) -> None:
        time.sleep(self.random.uniform(1.0, 4.0))  # the fault's own length

    def _redis_line(self) -> None:
        with self.matrix.proxy.broken(self.random.choice(FAULTS)):
            self._hold()

    def _redis_itself(self) -> None:
        with REDIS_FAULTS[self.random.choice(list(REDIS_FAULTS))](self.matrix.valkey):
            self._hold()

    def _freeze_postgres(self) -> None:
        with frozen(self.matrix.store.pids()["postgres"]):
            self._hold()

    def _restart_postgres(self) -> None:
        self._end("postgres", signal.SIGINT)

    def _kill(self) -> None:
        self._end(self.random.choice(KILLED), signal.SIGKILL)

    def _end(self, name: str, how: signal.Signals) -> None:
        before = self.matrix.store.pids()[name]
        os.kill(before, how)
        wait_until(
            lambda: self.matrix.store.pids().get(name, before) != before, f"{name} is back", _BACK_SECONDS
        )

    def _gateway(self) -> None:
        fault = {"operation": "*", "mode": self.random.choice(GATEWAY_MODES)}
        self._in_sandbox("/sandbox/faults", fault)

    def _mail(self) -> None:
        self._in_sandbox("/mailbox/faults", {"mode": self.random.choice(MAIL_MODES)})

    def _in_sandbox(self, path: str, fault: dict[str, str]) -> None:
        url = self.matrix.store.url
        with httpx.Client(base_url=url, trust_env=False, timeout=15, verify=NO_TLS) as client:
            assert client.post(path, json=fault).status_code < 300
            self._hold()
            assert client.delete(path).status_code < 300
