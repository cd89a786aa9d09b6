"""Which registry a repository is of."""

from __future__ import annotations

import pytest

from ops.deploy.registry import registry_of


@pytest.mark.parametrize(
    ("repository", "registry"),
    [
        ("registry.example/shop/kiosk", "registry.example"),
        ("10.0.0.1:5000/kiosk", "10.0.0.1:5000"),
        ("localhost/kiosk", "localhost"),
        ("shop/kiosk", None),
        ("kiosk", None),
    ],
)
def test_the_registry_is_the_part_that_looks_like_a_host(repository: str, registry: str | None) -> None:
    assert registry_of(repository) == registry
