"""One local stack, worked out and not yet started: whose servers, which ports, which environment."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass

from ops.console import OperatorError
from ops.local.account import private_folder, server_account
from ops.local.edge import Edge
from ops.local.ports import choose_ports, holder_of, is_free
from ops.local.postgres import Cluster, major_version_of, programs_for, wheel_version
from ops.local.programs import Program, port_names, ready_url, service_programs
from ops.local.sandbox import mail_variables, payment_variables, sandbox_program
from ops.local.state import State
from ops.local.valkey import Store
from services.settings import (
    DatabaseSettings,
    OperatorSettings,
    ProcessSettings,
    RedisSettings,
    StaffSettings,
)

_ASKED_BY_HEALTH = ("catalog", "checkout", "jobs", "storefront")


@dataclass(frozen=True, slots=True)
class Stack:
    """`cluster` and `store` are None where DATABASE_URL and REDIS_URL name servers of someone else."""

    state: State
    edge: Edge
    ports: dict[str, int]
    cluster: Cluster | None
    store: Store | None
    environment: dict[str, str]  # of every process, on top of our own

    @property
    def database_url(self) -> str:
        return self.environment["DATABASE_URL"]

    def programs(self) -> list[Program]:
        found: list[Program] = []
        if self.cluster is not None:
            # SIGINT is PostgreSQL's fast shutdown: it waits for nobody and leaves nothing to recover.
            command, account = self.cluster.command(), self.cluster.account
            found.append(Program("postgres", "servers", command, signal.SIGINT, 60, account))
        if self.store is not None:
            found.append(Program("valkey", "servers", self.store.command()))
        doors = self.environment["PUBLIC_URL"], self.edge.internal_url
        found.append(sandbox_program(self.state, self.ports, *doors))
        found += service_programs(self.ports)
        edge = Program("traefik", "edge", self.edge.command(), environment=self.edge.environment)
        return [*found, edge]


def plan(state: State) -> Stack:
    """Reads the settings and fills in what they leave open. Raises OperatorError, SettingError."""
    settings, process, staff = OperatorSettings.read(), ProcessSettings.read(), StaffSettings.read()
    if not is_free(settings.port):
        holder = holder_of(settings.port)
        taken = f"port {settings.port} is taken" + (f" by {holder}" if holder else "")
        raise OperatorError(f"{taken}; choose another: PORT={settings.port + 1000} make up")
    ports = choose_ports(state.ports_file, port_names(), not_these={settings.port})
    edge = Edge(state.traefik, settings.port, ports["internal"], ports["ping"], process.trusted_proxies)
    cluster, store = _cluster(state), _store(state)
    public_url = os.environ.get("PUBLIC_URL") or edge.public_url
    environment = {
        "PUBLIC_URL": public_url,
        "INTERNAL_URL": edge.internal_url,
        "ADMIN_API_KEY": process.admin_api_key or state.secret("admin_api_key"),
        "STAFF_ADMIN_PASSWORD": staff.staff_admin_password or state.secret("staff_admin_password"),
        "LOG_FORMAT": os.environ.get("LOG_FORMAT") or ("pretty" if sys.stdout.isatty() else "json"),
        "PYTHONUNBUFFERED": "1",
        **_database(cluster),
        **_redis(store),
        **payment_variables(state, ports, public_url),
        **mail_variables(ports),
        **{f"{name.upper()}_READY_URL": ready_url(name, ports) for name in _ASKED_BY_HEALTH},
    }
    return Stack(state, edge, ports, cluster, store, environment)


def _cluster(state: State) -> Cluster | None:
    if DatabaseSettings.read().database_url is not None:
        return None
    account = server_account()
    data = private_folder(state.postgres, account) / "data"
    made_by, ours = major_version_of(data), wheel_version().partition(".")[0]
    if made_by not in (None, ours):
        theirs = f"{data} was made by PostgreSQL {made_by}, this is {ours}"
        raise OperatorError(f"{theirs}; `make reset` empties it")
    sockets = private_folder(state.sockets() / "postgres", account)
    return Cluster(programs_for(account, state.folder), data, sockets, account)


def _store(state: State) -> Store | None:
    if os.environ.get("REDIS_URL") or os.environ.get("REDIS_URL_FILE"):
        return None
    state.valkey.mkdir(mode=0o700, exist_ok=True)
    return Store(state.valkey, state.sockets())


def _database(cluster: Cluster | None) -> dict[str, str]:
    url = DatabaseSettings.read().database_url if cluster is None else cluster.url
    return {"DATABASE_URL": url or ""}


def _redis(store: Store | None) -> dict[str, str]:
    if store is None:
        return {"REDIS_URL": RedisSettings.read().redis_url}
    return {"REDIS_URL": store.url, "REDIS_QUEUE_URL": store.queue_url}
