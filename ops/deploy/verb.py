"""What `python -m ops.deploy VERB --to DESTINATION` may be asked for."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass

from ops.deploy.destination import Destination
from ops.deploy.docker import Docker

Run = Callable[[Namespace, Destination, Docker], None]


def _no_arguments(_parser: ArgumentParser) -> None:
    """Most verbs need none but the destination, which every verb takes."""


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: how it is called, its line of help, its own arguments beside `--to`, and what it does.
    `run` returns when all went well; what the operator has to mend it raises as OperatorError, and it
    ends with `SystemExit(1)` when it has already said what is wrong."""

    name: str
    help: str
    run: Run
    add_arguments: Callable[[ArgumentParser], None] = _no_arguments
