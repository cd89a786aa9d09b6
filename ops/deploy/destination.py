"""Where a deploy goes: the variables of `.env.production` (`make deploy TO=staging`: `.env.staging`)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from dotenv import dotenv_values

from ops.console import OperatorError
from ops.deploy.settings import DEPLOY_GROUPS
from services.settings import GROUPS, Group

ROOT = Path(__file__).parent.parent.parent

AnyGroup = TypeVar("AnyGroup", bound=Group)


@dataclass(frozen=True, slots=True)
class Destination:
    """`variables` are those of the file. A name that it leaves empty (`ADMIN_API_KEY=`) is taken from the
    process environment, so that a pipeline can hand over secrets; nothing else is, so that no variable of
    a shell changes a deploy unseen. A value may also be a file's: `ADMIN_API_KEY_FILE=...`."""

    name: str
    file: Path
    variables: Mapping[str, str]

    def read(self, group: type[AnyGroup]) -> AnyGroup:
        """A group of settings. Raises SettingError with the variable's name."""
        return group.read(self.variables)

    def value(self, variable: str) -> str | None:
        """One variable, or the content of the file that `VARIABLE_FILE` names; None when neither is
        set. Raises OperatorError when the file can't be read."""
        if value := self.variables.get(variable):
            return value
        if path := self.variables.get(variable + "_FILE"):
            try:
                return Path(path).expanduser().read_text().strip() or None
            except OSError as error:
                raise OperatorError(f"{self.file.name}: {variable}_FILE: {path}: {error.strerror}") from None
        return None


def read_destination(name: str, folder: Path = ROOT) -> Destination:
    """Reads `.env.NAME`. Raises OperatorError when there is none, or when it has a line for a variable
    that nothing reads (a typing error would else go unnoticed)."""
    file = folder / f".env.{name}"
    if not file.exists():
        raise OperatorError(
            f"{file.name} does not exist: cp .env.production.example {file.name}, then fill it in"
        )
    written = dotenv_values(file, interpolate=False)
    known = {name for group in (*GROUPS, *DEPLOY_GROUPS) for name in group.variables()}
    known |= {f"{name}_FILE" for name in known}
    if strangers := sorted(set(written) - known):
        raise OperatorError(
            f"{file.name}: nothing reads {', '.join(strangers)} (see .env.production.example)"
        )
    filled = {name: value or os.environ.get(name, "") for name, value in written.items()}
    return Destination(name, file, {name: value for name, value in filled.items() if value})
