"""Constraints, as our side reads them."""

from __future__ import annotations

from typing import Any

import pytest

from ops.console import OperatorError
from ops.deploy.placement import constraints_of, fulfils, label_of

NODE: dict[str, Any] = {
    "ID": "n1",
    "Spec": {"Role": "manager", "Labels": {"kiosk.data": "true"}},
    "Description": {
        "Hostname": "shop-1",
        "Platform": {"OS": "linux", "Architecture": "x86_64"},
        "Engine": {},
    },
}


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ("node.role == manager", True),
        ("node.role==worker", False),
        ("node.role != worker", True),
        ("node.labels.kiosk.data == true", True),
        ("node.labels.zone != a", True),
        ("node.hostname == shop-1", True),
        ("engine.labels.ssd == yes", False),
    ],
)
def test_a_node_fulfils_what_it_says(constraint: str, expected: bool) -> None:
    assert fulfils(NODE, constraint) is expected


@pytest.mark.parametrize("constraint", ["manager", "node.rôle", "node.colour == red"])
def test_what_nobody_can_read_is_named(constraint: str) -> None:
    with pytest.raises(OperatorError, match="constraint"):
        fulfils(NODE, constraint)


def test_several_are_given_by_commas() -> None:
    assert constraints_of("node.role == manager, node.labels.zone == a,") == [
        "node.role == manager",
        "node.labels.zone == a",
    ]


def test_only_a_wanted_label_can_be_given() -> None:
    assert label_of("node.labels.kiosk.data == true") == ("kiosk.data", "true")
    assert label_of("node.labels.zone != a") is None
    assert label_of("node.role == manager") is None
