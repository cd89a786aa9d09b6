"""The state folder of a clone, `.local/`: data, logs, ports, keys. All that `make up` writes is in it.

PostgreSQL refuses root, so root's server runs under another account, which has to walk down to its
data. Where it cannot (a clone under /root), the folder lies in /var/lib/kiosk and `.local` is a link
to it. Nothing else on the system is changed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from ops.local.account import world_can_enter
from ops.local.sockets import fits

ROOT = Path(__file__).parent.parent.parent
ELSEWHERE = Path("/var/lib/kiosk")
LONGEST_SOCKET_NAME = "postgres/.s.PGSQL.5432.lock"


class AlreadyRunning(Exception):
    """This clone's stack runs already. `running` is what it says about itself."""

    def __init__(self, running: Running | None) -> None:
        super().__init__("already running")
        self.running = running


@dataclass(frozen=True, slots=True)
class Running:
    """A stack that is up: the process to signal, where the store is, what its processes are told."""

    pid: int
    address: str
    environment: dict[str, str]


@dataclass(frozen=True, slots=True)
class State:
    """The folder and the names in it."""

    folder: Path

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    @property
    def valkey(self) -> Path:
        return self.folder / "valkey"

    @property
    def sandbox(self) -> Path:
        return self.folder / "sandbox"

    @property
    def traefik(self) -> Path:
        return self.folder / "traefik"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def ports_file(self) -> Path:
        return self.folder / "ports.json"

    def log_of(self, process: str) -> Path:
        return self.logs / f"{process}.log"

    def secret(self, name: str) -> str:
        """A secret made up once and kept, readable by its owner only."""
        file = self.folder / name
        if not file.exists():
            with os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600), "w") as made:
                made.write(secrets.token_urlsafe(24))
        return file.read_text()

    def sockets(self) -> Path:
        """The folder for unix sockets: beside the data, or a short one where that path is too long."""
        if fits(self.folder / "sockets", LONGEST_SOCKET_NAME):
            folder = self.folder / "sockets"
        else:
            digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
            folder = Path(tempfile.gettempdir()) / f"kiosk-{os.getuid()}-{digest}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            raise PermissionError(f"{folder} belongs to someone else")
        folder.chmod(_mode())
        return folder

    def empty(self) -> None:
        """Removes data and logs. Ports and keys stay, so addresses do not change."""
        for folder in (self.postgres, self.valkey, self.sandbox, self.logs):
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def claimed(self) -> Iterator[int]:
        """Holds the folder for one stack; yields the lock's descriptor. The kernel lets go when the
        last process that holds it ends, so nothing stale is left. Raises AlreadyRunning."""
        lock = os.open(self.folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise AlreadyRunning(self.running()) from None
        try:
            yield lock
        finally:
            (self.folder / "running.json").unlink(missing_ok=True)
            os.close(lock)

    def announce(self, running: Running) -> None:
        """Says who holds the folder, for `make down`, `make demo` and a second `make up`."""
        file = self.folder / "running.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(asdict(running), indent=2) + "\n")

    def running(self) -> Running | None:
        file = self.folder / "running.json"
        return Running(**json.loads(file.read_text())) if file.exists() else None


def _mode() -> int:
    """Ours alone; root's is passable for the account that PostgreSQL runs as."""
    return 0o711 if os.geteuid() == 0 else 0o700


def open_state(root: Path = ROOT, elsewhere: Path = ELSEWHERE) -> State:
    """The clone's state folder, made when it is not there. Raises OSError."""
    link = root / ".local"
    if os.geteuid() == 0 and not world_can_enter(root):
        folder = elsewhere / hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:12]
        _link(link, folder)
    else:
        folder = link
        if link.is_symlink():  # the clone was copied or moved; that state is another clone's
            link.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(_mode())
    state = State(folder.resolve())
    for part in (state.logs, state.traefik):
        part.mkdir(exist_ok=True)
    return state


def _link(link: Path, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.parent.chmod(0o711)
    if link.is_dir() and not link.is_symlink():  # made before the clone was moved here
        shutil.move(link, folder)
    if link.is_symlink() and link.readlink() == folder:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(folder)
