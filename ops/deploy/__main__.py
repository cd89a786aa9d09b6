"""`python -m ops.deploy VERB --to DESTINATION`: what the Makefile's targets for production run."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from ops.console import OperatorError
from ops.deploy.destination import read_destination
from ops.deploy.docker import Docker, DockerError
from ops.deploy.site import Site
from ops.deploy.verb import Verb

# Where each verb is. Only the one that is asked for is imported.
MODULES = {
    "deploy": "deploy",
    "plan": "plan",
    "rollback": "rollback",
    "releases": "releases",
    "status": "status",
    "logs": "logs",
    "shell": "shell",
    "scale": "scale",
    "reboot": "reboot",
    "maintenance": "maintenance",
    "lock": "lock_by_hand",
    "unlock": "lock_by_hand",
    "backup": "backup",
    "restore": "restore",
}


def verb_of(name: str) -> Verb:
    """Raises ImportError."""
    module = import_module(f"ops.deploy.{MODULES[name]}")
    verbs: tuple[Verb, ...] = getattr(module, "VERBS", None) or (module.VERB,)
    return next(verb for verb in verbs if verb.name == name)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ops.deploy", description="Run Kiosk in production.")
    parser.add_argument("verb", choices=MODULES)
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    chosen = parser.parse_args()
    verb = verb_of(chosen.verb)
    own = argparse.ArgumentParser(prog=f"python -m ops.deploy {verb.name}", description=verb.help)
    own.add_argument("--to", default="production", help="the destination: reads .env.NAME")
    verb.add_arguments(own)
    arguments = own.parse_args(chosen.rest)
    destination, docker = read_destination(arguments.to), Docker()
    site = Site(docker, destination)
    try:
        verb.run(arguments, destination, docker)
    except DockerError as error:
        where = "is the engine there (docker info), and does DOCKER_HOST name the right one?"
        raise OperatorError(site.redact(f"{error} ({where})")) from None
    except SystemExit as error:
        if isinstance(error.code, str):
            sys.stdout.flush()
            raise SystemExit(site.redact(error.code)) from None
        raise


if __name__ == "__main__":
    main()
