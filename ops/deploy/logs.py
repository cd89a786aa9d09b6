"""`make logs`: what services, the edge and the accessories print, each line with who printed it."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from ops.console import OperatorError, say
from ops.deploy.addressee import Addressee, addressee, addressees
from ops.deploy.destination import Destination
from ops.deploy.docker import Docker
from ops.deploy.verb import Verb

DEFAULT_SINCE = "10m"
_LINE = re.compile(r"^(?P<time>\S+) (?P<task>\S+)@(?P<node>\S+)\s+\| ?(?P<text>.*)$")
_REPLICA = re.compile(r"\.([1-9]\d*)$")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log. `who` is `catalog.2`, the second replica, or `traefik@node`."""

    time_utc: str
    who: str
    text: str

    def __str__(self) -> str:
        return f"{self.who:<18} {self.text}"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--service", help="catalog, traefik, postgres, ...; all without")
    parser.add_argument("--since", default=DEFAULT_SINCE, help="10m, 2h, or a time; default 10m")
    parser.add_argument("--grep", help="only lines with this text")
    parser.add_argument("--follow", action="store_true", help="go on until Ctrl-C")


def logs(arguments: Namespace, destination: Destination, docker: Docker) -> None:
    """Raises OperatorError."""
    if arguments.service:
        wanted = [addressee(destination, arguments.service)]
    else:
        there = set(docker.lines("service", "ls", "--format", "{{.Name}}"))
        wanted = [one for one in addressees(destination) if one.swarm_name in there]
    if not wanted:
        raise OperatorError(f"nothing runs at {destination.name} yet: make deploy TO={destination.name}")
    options = ["--since", arguments.since, *(["--follow"] if arguments.follow else [])]
    if arguments.follow:
        follow(docker, wanted, options, arguments.grep)
        return
    with ThreadPoolExecutor(len(wanted)) as readers:
        read = list(readers.map(lambda one: list(lines_of(docker, one, options)), wanted))
    for line in sorted((line for lines in read for line in lines), key=lambda line: line.time_utc):
        if matches(line, arguments.grep):
            say(str(line))


def follow(docker: Docker, wanted: Sequence[Addressee], options: Sequence[str], grep: str | None) -> None:
    """Prints lines as they come, until Ctrl-C."""
    printing = threading.Lock()

    def print_all(one: Addressee) -> None:
        for line in lines_of(docker, one, options):
            if matches(line, grep):
                with printing:
                    say(str(line))

    readers = [threading.Thread(target=print_all, args=(one,), daemon=True) for one in wanted]
    for reader in readers:
        reader.start()
    try:
        for reader in readers:
            reader.join()
    except KeyboardInterrupt:
        say()


def lines_of(docker: Docker, one: Addressee, options: Sequence[str]) -> Iterator[Line]:
    """The log of one service; of its replicas each in its order. Raises OperatorError with what docker
    says when it has none to give."""
    shown = ("--timestamps", "--no-task-ids", "--no-trunc", *options)
    with _reading([docker.program, "service", "logs", *shown, one.swarm_name], docker) as process:
        assert process.stdout is not None
        yield from parsed(one, process.stdout)


def parsed(one: Addressee, raw: Iterable[str]) -> Iterator[Line]:
    """Docker's lines with the names that the operator gives things; what docker itself has to say (a node
    is away) comes as it is, in the place where it was said. Raises OperatorError when it says no."""
    time_utc = ""
    for text in map(str.rstrip, raw):
        if found := _LINE.match(text):
            time_utc = found["time"]
            yield Line(time_utc, who_of(one, found["task"], found["node"]), found["text"])
        elif text.startswith(("Error response", "no such", "invalid")):
            raise OperatorError(f"logs of {one.service}: {text} (make status)")
        elif text:
            yield Line(time_utc, one.service, text)


def who_of(one: Addressee, task: str, node: str) -> str:
    """`kiosk_catalog.2` is catalog.2; a task of a service that runs once per node has no number."""
    replica = _REPLICA.search(task)
    return f"{one.service}.{replica[1]}" if replica else f"{one.service}@{node}"


def matches(line: Line, grep: str | None) -> bool:
    return not grep or grep in line.text


@contextmanager
def _reading(command: Sequence[str], docker: Docker) -> Iterator[subprocess.Popen[str]]:
    """What a container printed to its standard error comes on that of docker: both are the log."""
    environment = {**os.environ, **docker.environment}
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
    )
    with process:
        try:
            yield process
        finally:
            process.terminate()


VERB = Verb("logs", "what services print: SERVICE= SINCE=10m GREP= FOLLOW=1", logs, add_arguments)
