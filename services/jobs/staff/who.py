"""Who is at work in the dashboard, the API or the command line, and what that person may do."""

from __future__ import annotations

from typing import Literal

import msgspec

from services.errors import Forbidden

Role = Literal["viewer", "operator", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "operator", "admin")  # each may do what those before it may


class RoleTooLow(Forbidden):
    slug, title = "role-too-low", "Your role may not do that"


class Who(msgspec.Struct, frozen=True):
    """A person or token that has proved who it is. Viewers look; operators steer jobs and may reveal masked
    arguments; admins manage staff and tokens besides."""

    name: str
    role: Role
    by: Literal["session", "token", "shell"]

    def may(self, role: Role) -> bool:
        return ROLES.index(self.role) >= ROLES.index(role)

    def require(self, role: Role) -> None:
        """Raises RoleTooLow."""
        if not self.may(role):
            raise RoleTooLow(f"This needs the role {role}; yours is {self.role}")
