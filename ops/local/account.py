"""Whom PostgreSQL runs as: it refuses root, so root lends it an unprivileged account that every
Linux system already has. Nothing is added to the system."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from ops.local.server_process import ServerFailed

_CANDIDATES = ("nobody", "daemon", "postgres")


def server_account() -> str | None:
    """The account's name; None when we are not root and PostgreSQL may simply be us.
    (initdb looks its user up by name, so a bare number will not do.)"""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall() if entry.pw_uid != 0}
    for name in _CANDIDATES:
        if name in known:
            return name
    raise ServerFailed(f"PostgreSQL refuses to run as root, and none of {', '.join(_CANDIDATES)} exists")


def private_folder(path: Path, account: str | None) -> Path:
    """Makes a folder that only the account can enter (and root)."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account is not None:
        entry = pwd.getpwnam(account)
        os.chown(path, entry.pw_uid, entry.pw_gid)
    path.chmod(0o700)
    return path


def world_can_enter(path: Path) -> bool:
    """Whether any account can walk down to this folder."""
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))
