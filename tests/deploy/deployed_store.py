"""A store as a deploy leaves it, for the verbs: it runs, and the ledger says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.deploy import ledger, lock
from ops.deploy.ledger import Entry
from ops.deploy.manifest import Manifest
from tests.conftest import ADMIN_KEY
from tests.deploy.operator import Operator
from tests.deploy.whole_store import Ground, bare_ground, put_up, shipped


@dataclass(frozen=True)
class DeployedStore:
    ground: Ground
    manifest: Manifest
    operator: Operator


@contextmanager
def deployed_store(folder: Path, **variables: str) -> Iterator[DeployedStore]:
    """Put up without the ceremony of a deploy, which other tests watch."""
    with bare_ground(folder, ADMIN_API_KEY=ADMIN_KEY, **variables) as ground:
        manifest = shipped(ground)
        put_up(ground, manifest, products=300)
        ledger.write(ground.docker, entry_of(manifest))
        ground.destination.file.rename(ground.clone / ground.destination.file.name)
        yield DeployedStore(ground, manifest, Operator(ground.clone, ground.engine, ground.destination))


def entry_of(manifest: Manifest) -> Entry:
    now = lock.now()
    return Entry(
        number=0,
        release=manifest.release,
        revision=manifest.revision,
        who="operator@test",
        started_at=now,
        finished_at=now,
        result="ok",
        kind="deploy",
        image=manifest.image,
        migrations_applied=[],
        probed=1200,
        failed=0,
        p99_ms=41.0,
        reason=None,
        manifest=manifest,
    )
