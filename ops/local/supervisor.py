"""supervisor keeps every process of the stack alive; this writes its settings and talks to it.

It starts nothing by itself: `Supervisor.start` starts one program after the other's turn has come.
"""

from __future__ import annotations

import http.client
import os
import shlex
import signal
import subprocess
import sys
import xmlrpc.client

from supervisor.xmlrpc import SupervisorTransport

from ops.console import OperatorError
from ops.local.leash import leashed
from ops.local.programs import Program
from ops.local.server_process import last_line, wait_until
from ops.local.state import ROOT, State

LOG_BYTES_MAX = 10_000_000
_PRIORITIES = {"servers": 1, "services": 2, "edge": 3}  # supervisor stops the highest first
_GONE = (OSError, http.client.HTTPException, xmlrpc.client.Error)


class Supervisor:
    """A running supervisord and its programs."""

    def __init__(self, state: State, programs: list[Program], environment: dict[str, str]) -> None:
        self._state = state
        self._programs = programs
        self._environment = environment
        self._socket = state.sockets() / "supervisor.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self.log = state.log_of("supervisor")

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def launch(self, lock: int) -> None:
        """Starts supervisord, with no program yet. Raises OperatorError.

        It holds the state folder's lock too, so that no other stack starts while this one still stops;
        as its standard input, since it closes every other descriptor it is given."""
        settings = self._state.folder / "supervisord.conf"
        settings.write_text(self._settings())
        command = [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(settings)]
        self._socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            leashed(command, signal.SIGTERM),
            stdin=lock,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env={**os.environ, **self._environment},
            start_new_session=True,  # Ctrl-C is ours to hear; we stop it in order
        )
        if not wait_until(lambda: not self.running or self._answers(), 20) or not self.running:
            raise OperatorError(f"supervisor did not start: {last_line(self.log)} (log: {self.log})")

    def start(self, program: Program) -> None:
        self._remote().supervisor.startProcess(f"{program.group}:{program.name}", False)

    def stop(self) -> None:
        """Ends every program, Traefik first and PostgreSQL last, then supervisord."""
        if self._process is None:
            return
        if self.running:
            self._process.terminate()
            self._process.send_signal(signal.SIGCONT)
        limit_seconds = sum({program.group: program.stop_seconds for program in self._programs}.values())
        try:
            self._process.wait(limit_seconds + 10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _answers(self) -> bool:
        try:
            self._remote().supervisor.getState()
        except _GONE:
            return False
        return True

    def _remote(self) -> xmlrpc.client.ServerProxy:
        # The host name is not used: the transport speaks through the unix socket.
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        return xmlrpc.client.ServerProxy("http://supervisor", transport)

    def _settings(self) -> str:
        sections = {
            "supervisord": {
                "nodaemon": "true",
                "logfile": str(self.log),
                "logfile_maxbytes": str(LOG_BYTES_MAX),
                "logfile_backups": "1",
                "pidfile": str(self._state.folder / "supervisord.pid"),
                **({"user": "root"} if os.geteuid() == 0 else {}),
            },
            "unix_http_server": {"file": str(self._socket), "chmod": "0700"},
            "rpcinterface:supervisor": {
                "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
            },
        }
        for group, priority in _PRIORITIES.items():
            members = [program for program in self._programs if program.group == group]
            if members:
                names = ",".join(program.name for program in members)
                sections[f"group:{group}"] = {"programs": names, "priority": str(priority)}
            sections |= {f"program:{program.name}": self._program(program) for program in members}
        return "\n".join(_section(name, values) for name, values in sections.items())

    def _program(self, program: Program) -> dict[str, str]:
        environment = ",".join(f'{name}="{value}"' for name, value in program.environment.items())
        return {
            "command": shlex.join(program.command_line),
            "directory": str(ROOT),
            **({"environment": environment} if environment else {}),
            "autostart": "false",
            "autorestart": "true",
            "startretries": "30",
            "stopsignal": program.stop.name.removeprefix("SIG"),
            "stopwaitsecs": str(program.stop_seconds),
            "redirect_stderr": "true",
            "stdout_logfile": str(self._state.log_of(program.name)),
            "stdout_logfile_maxbytes": str(LOG_BYTES_MAX),
            "stdout_logfile_backups": "2",
        }


def _section(name: str, values: dict[str, str]) -> str:
    """supervisor's ini dialect takes `%` for the start of a variable."""
    lines = [f"{key} = {value.replace('%', '%%')}" for key, value in values.items()]
    return "\n".join([f"[{name}]", *lines, ""])
