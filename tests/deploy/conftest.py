"""Tests on real Docker engines: all of them are marked `docker` (make test-deploy)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.deployed_store import DeployedStore
from tests.deploy.deployed_store import deployed_store as running_store

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.docker)


@pytest.fixture(scope="session")
def deployed_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedStore]:
    """One store for all tests that change nothing for good."""
    with running_store(tmp_path_factory.mktemp("deployed")) as store:
        yield store
