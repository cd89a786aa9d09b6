"""What came of a deploy or a rollback: for the ledger, and for the failure card."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

from ops.console import OperatorError
from ops.deploy import ledger, lock
from ops.deploy.change_over import ChangeFailed
from ops.deploy.docker import Docker, DockerError
from ops.deploy.failure_card import Failure
from ops.deploy.ledger import Entry
from ops.deploy.lock import Lock, LockLost
from ops.deploy.manifest import Manifest
from ops.deploy.probe_report import ProbeReport
from ops.deploy.site import Site

Kind = Literal["deploy", "rollback", "scale"]


def record(
    site: Site,
    manifest: Manifest,
    kind: Kind,
    started_at: str,
    *,
    migrations: list[str] | None = None,
    report: ProbeReport | None = None,
    failure: ChangeFailed | None = None,
    reason: str | None = None,
    write: Callable[[Docker, Entry], Entry] = ledger.write,
) -> Entry:
    """`failure` or `reason` say that it failed, and how. Raises DockerError."""
    seen = report or (failure.report if failure is not None else ProbeReport())
    result: Literal["ok", "failed", "rolled back"] = "ok"
    if failure is not None:
        result = "rolled back" if failure.interrupted and failure.restored else "failed"
        reason = site.redact(f"{failure.where}: {failure.why}; now runs {failure.state}")
    elif reason is not None:
        result, reason = "failed", site.redact(reason)
    entry = Entry(
        number=0,
        release=manifest.release,
        revision=manifest.revision,
        who=lock.whoami(),
        started_at=started_at,
        finished_at=lock.now(),
        result=result,
        kind=kind,
        image=manifest.image,
        migrations_applied=migrations or [],
        probed=seen.probed,
        failed=seen.failed,
        p99_ms=seen.p99_ms,
        reason=reason,
        manifest=manifest,
    )
    return write(site.docker, entry)


def record_what_serves(
    site: Site,
    held: Lock,
    manifest: Manifest,
    kind: Kind,
    started_at: str,
    *,
    again: str,
    migrations: list[str] | None = None,
    report: ProbeReport | None = None,
) -> Entry:
    """`again` is what to type when it can't be written. Raises OperatorError that says so."""
    write = partial(ledger.write_surely, check=held.check)
    try:
        return record(site, manifest, kind, started_at, migrations=migrations, report=report, write=write)
    except (DockerError, LockLost) as error:
        raise OperatorError(
            f"{manifest.release} serves, and the ledger does not know it ({error}): until it does, a deploy "
            f"that fails and a rollback go back too far. When the engine answers again: {again}"
        ) from None


def card_of(failed: ChangeFailed, next_command: str) -> Failure:
    """What the operator reads of a change that failed."""
    return Failure(failed.where, failed.why, failed.state, next_command, failed.evidence, failed.log)
