"""What ran when, and who put it there: the releases of a stack, kept as configs of the swarm, so that
every manager and every operator sees the same."""

from __future__ import annotations

import base64
import gzip
import re
import time
from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from ops.deploy.docker import Docker, DockerError
from ops.deploy.manifest import Manifest
from ops.deploy.secrets import STACK_LABEL

RELEASE_LABEL = "kiosk.release"
_NUMBER = re.compile(r"_release_(\d{6})$")
PATIENCE_SECONDS, AGAIN_SECONDS = 60.0, 2.0
_PLAIN_UP_TO_BYTES = 200_000  # the swarm takes 500 KB


class Entry(msgspec.Struct, frozen=True):
    """One change of what runs. `ok`: it ran from then on. `failed`: everything went back to what ran
    before, or there was nothing to go back to; `reason` tells. `rolled back`: the same, because the
    operator stopped it. Times are UTC (RFC 3339). Migrations are `service/file`."""

    number: int
    release: str
    revision: str
    who: str
    started_at: str
    finished_at: str
    result: Literal["ok", "failed", "rolled back"]
    kind: Literal["deploy", "rollback", "scale"]
    image: str
    migrations_applied: list[str]
    probed: int
    failed: int
    p99_ms: float | None
    reason: str | None
    manifest: Manifest


def entries(docker: Docker, stack: str) -> list[Entry]:
    """Newest first. Raises DockerError."""
    names = _names(docker, stack)
    decoded = [_decode(config["Spec"]["Data"]) for config in docker.inspect("config", *names)]
    return sorted(decoded, key=lambda entry: entry.number, reverse=True)


def current(docker: Docker, stack: str) -> Entry | None:
    """What is meant to run now; None before the first deploy that ended well. Raises DockerError."""
    return newest_ok(entries(docker, stack))


def newest_ok(newest_first: Iterable[Entry]) -> Entry | None:
    return next((entry for entry in newest_first if entry.result == "ok"), None)


def before(newest_first: list[Entry]) -> Entry | None:
    """What `make rollback` goes back to: the release that ran well before the current one was first
    deployed. None where there is none. After a rollback, one more goes one further back."""
    ended_well = [entry for entry in newest_first if entry.result == "ok"]
    if not ended_well:
        return None
    now = ended_well[0].release
    deploys = [
        place for place, entry in enumerate(ended_well) if (entry.release, entry.kind) == (now, "deploy")
    ]
    older = ended_well[(deploys[-1] if deploys else 0) + 1 :]
    return next((entry for entry in older if entry.release != now), None)


def of_release(newest_first: list[Entry], release: str) -> Entry | None:
    """The last state of a release that ended well; the beginning of its name will do."""
    found = (entry for entry in newest_first if entry.result == "ok" and entry.release.startswith(release))
    return next(found, None)


def write(docker: Docker, entry: Entry) -> Entry:
    """Adds an entry; its `number` becomes the next one, whatever was given. Raises DockerError."""
    numbered = _numbered(docker, entry)
    _create(docker, numbered)
    return numbered


def write_surely(docker: Docker, entry: Entry, check: Callable[[], None]) -> Entry:
    """As `write`, of what runs already: without its entry, whoever goes back goes to something else. Tries
    again for a minute, while `check` does not raise: the lock has to be ours still."""
    deadline, numbered = time.monotonic() + PATIENCE_SECONDS, None
    while True:
        try:
            numbered = numbered or _numbered(docker, entry)
            if not _is_there(docker, numbered):  # one that had no answer may have been made
                _create(docker, numbered)
            return numbered
        except DockerError:
            if time.monotonic() > deadline:
                raise
        time.sleep(AGAIN_SECONDS)
        check()


def _numbered(docker: Docker, entry: Entry) -> Entry:
    names = _names(docker, entry.manifest.stack_name)
    numbers = [int(found[1]) for name in names if (found := _NUMBER.search(name))]
    return msgspec.structs.replace(entry, number=max(numbers, default=0) + 1)


def _create(docker: Docker, entry: Entry) -> None:
    stack = entry.manifest.stack_name
    labels = ("--label", f"{STACK_LABEL}={stack}", "--label", f"{RELEASE_LABEL}={entry.release}")
    docker.run("config", "create", *labels, _name(entry), "-", given=_encode(entry))


def _is_there(docker: Docker, entry: Entry) -> bool:
    found = docker.find("config", _name(entry))
    return found is not None and _decode(found["Spec"]["Data"]).started_at == entry.started_at


def prune(docker: Docker, stack: str, kept: int) -> list[Entry]:
    """Forgets what is older than the last `kept` releases that ended well; what is left, newest first.
    Raises DockerError."""
    left, releases = [], set[str]()
    for entry in entries(docker, stack):
        if entry.result == "ok" and len(releases | {entry.release}) <= kept:
            releases.add(entry.release)
            left.append(entry)
        elif entry.result != "ok" and len(releases) < kept:
            left.append(entry)
        else:
            docker.run("config", "rm", _name(entry))
    return left


def _names(docker: Docker, stack: str) -> list[str]:
    chosen = ("--filter", f"label={STACK_LABEL}={stack}", "--filter", f"label={RELEASE_LABEL}")
    return docker.lines("config", "ls", *chosen, "--format", "{{.Name}}")


def _name(entry: Entry) -> str:
    return f"{entry.manifest.stack_name}_release_{entry.number:06}"


def _encode(entry: Entry) -> bytes:
    plain = msgspec.json.encode(entry)
    return plain if len(plain) <= _PLAIN_UP_TO_BYTES else gzip.compress(plain)


def _decode(data: str) -> Entry:
    content = base64.b64decode(data)
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    try:
        return msgspec.json.decode(content, type=Entry)
    except msgspec.DecodeError as error:
        raise DockerError(("config", "inspect"), f"an entry of the ledger can't be read: {error}") from None
