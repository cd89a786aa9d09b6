"""Shows what all processes log, one colour per process, and tells when one of them died."""

from __future__ import annotations

from ops.console import coloured, say
from ops.local.deaths import TOO_MANY, WITHIN_SECONDS, Death, Deaths
from ops.local.server_process import last_line
from ops.local.state import State
from ops.local.tail import Tail

_COLOURS = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)
_RED = 91


class Watch:
    """Follows the logs of the named processes from now on."""

    def __init__(self, state: State, names: list[str]) -> None:
        self._state = state
        self._width = max(map(len, names))
        self._tails = {name: Tail(state.log_of(name)) for name in names}
        self._colours = {name: _COLOURS[index % len(_COLOURS)] for index, name in enumerate(names)}
        self._supervisor = Tail(state.log_of("supervisor"))
        self._deaths = Deaths()

    def show_lines(self) -> None:
        """Prints what was logged since the last call."""
        for name, tail in self._tails.items():
            for line in tail.lines():
                self._print(name, line, self._colours[name])

    def skip_lines(self) -> None:
        """Forgets what was logged since the last call: it stays in the files."""
        for tail in self._tails.values():
            tail.lines()

    def deaths(self) -> list[Death]:
        """Who died since the last call."""
        return [death for line in self._supervisor.lines() if (death := self._deaths.read(line))]

    def tell(self, death: Death) -> None:
        """One line about a death; with the last words of a process that dies again and again."""
        log = self._state.log_of(death.program)
        if death.gave_up:
            words = f"does not start and is given up: {last_line(log)} (log: {log})"
        elif death.number >= TOO_MANY:
            often = f"died {death.number} times in {WITHIN_SECONDS:.0f} s"
            words = f"{often} ({death.how}): {last_line(log)} (log: {log})"
        else:
            words = f"died ({death.how}) and is started again"
        self._print(death.program, words, _RED)

    def close(self) -> None:
        for tail in (*self._tails.values(), self._supervisor):
            tail.close()

    def _print(self, name: str, line: str, colour: int) -> None:
        label = f"{name:<{self._width}} |"
        say(f"\033[{colour}m{label}\033[0m {line}" if coloured() else f"{label} {line}")
