"""`make plan`: what a deploy would change, without building anything. Names and ends of hashes only; no
value of a variable is ever shown."""

from __future__ import annotations

import subprocess
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from ops.console import bold, say
from ops.deploy import ledger
from ops.deploy.accessories import accessories_are_current, accessories_of
from ops.deploy.build import committed_files
from ops.deploy.destination import ROOT, Destination
from ops.deploy.docker import Docker, DockerError
from ops.deploy.edge import edge_is_current
from ops.deploy.manifest import Manifest
from ops.deploy.render import render
from ops.deploy.site import Site
from ops.deploy.verb import Verb

TO_BE_BUILT = "to be built"
_COMMITS_SHOWN = 20


def run(_arguments: Namespace, destination: Destination, docker: Docker) -> None:
    """Raises OperatorError, DockerError."""
    site = Site(docker, destination)
    revision = head()
    with committed_files(ROOT, revision) as files:
        release = f"{TO_BE_BUILT} of {revision[:7]}"
        new = render(destination, release=release, revision=revision, image=TO_BE_BUILT, folder=files)
    entry = ledger.current(docker, site.stack)
    tell(differences(None if entry is None else entry.manifest, new), side_differences(site, new))


def head() -> str:
    """The commit that a deploy is made of."""
    told = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, check=False, capture_output=True, text=True)
    return told.stdout.strip() or "0" * 40


def tell(*parts: list[str]) -> None:
    lines = [line for part in parts for line in part]
    say(bold("What changes"))
    for line in lines or ["nothing but the image"]:
        say(f"  {line}")


def differences(old: Manifest | None, new: Manifest) -> list[str]:
    """One line per change of our services, for the operator."""
    if old is None:
        services = ", ".join(sorted(new.stack["services"]))
        count = sum(map(len, new.migrations.values()))
        return [f"first deploy of {new.release}: {services}", f"migrations: {count}, all of them"]
    return [
        *_image(old, new),
        *_services(old, new),
        *_secrets(old, new),
        *[f"migration: {name}" for name in pending_migrations(old, new)],
        *(
            ["routes: traefik/routes.yml changed; Traefik reads it without a restart"]
            if old.routes != new.routes
            else []
        ),
    ]


def pending_migrations(old: Manifest | None, new: Manifest) -> list[str]:
    """`service/file` of those that the old release did not ship."""
    before = old.migrations if old is not None else {}
    return [
        f"{service}/{file}"
        for service, files in new.migrations.items()
        for file in files
        if file not in before.get(service, [])
    ]


def side_differences(site: Site, new: Manifest) -> list[str]:
    """The edge and the accessories, which no deploy restarts."""
    found = []
    try:
        if not edge_is_current(site.docker, site.destination, new):
            found.append(f"edge: differs or is missing; {site.command('reboot SERVICE=traefik')} brings it")
        if not accessories_are_current(site.docker, site.destination, new):
            names = " or ".join(accessories_of(site.destination))
            found.append(
                f"accessories: differ or are missing; {site.command('reboot SERVICE=')}{names} brings them"
            )
    except DockerError:  # before the first deploy there is not even a network
        return ["edge and accessories: to be made"]
    return found


def _image(old: Manifest, new: Manifest) -> list[str]:
    lines = [f"release: {old.release} -> {new.release}"]
    if new.image not in (old.image, TO_BE_BUILT):
        lines.append(f"image: {_end(old.image)} -> {_end(new.image)}")
    if old.revision == new.revision:
        return [*lines, "commits: the same one"]
    told = subprocess.run(
        ["git", "log", "--oneline", "--no-decorate", f"{old.revision}..{new.revision}"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    if told.returncode != 0:
        return [*lines, f"commits: {old.revision[:7]} is not known in this clone"]
    commits = told.stdout.splitlines()
    more = len(commits) - _COMMITS_SHOWN
    shown = [f"commit: {line}" for line in commits[:_COMMITS_SHOWN]]
    if not commits:
        shown = [f"commits: {new.revision[:7]} is older than what runs"]
    return [*lines, *shown, *([f"and {more} commits more"] if more > 0 else [])]


def _services(old: Manifest, new: Manifest) -> list[str]:
    before, after = old.stack["services"], new.stack["services"]
    lines = [f"{name}: new service" for name in sorted(after.keys() - before.keys())]
    lines += [f"{name}: goes" for name in sorted(before.keys() - after.keys())]
    for name in [one for one in after if one in before]:
        lines += _environment(name, before[name]["environment"], after[name]["environment"])
        lines += _facts(name, before[name], after[name])
    return _joined(lines)


def _environment(name: str, before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    words = [f"{variable} added" for variable in sorted(after.keys() - before.keys())]
    words += [f"{variable} removed" for variable in sorted(before.keys() - after.keys())]
    common = sorted(after.keys() & before.keys())
    words += [f"{variable} changed" for variable in common if before[variable] != after[variable]]
    return [f"{name}: environment: {', '.join(words)}"] if words else []


def _facts(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Everything else, told with its values: none of it is secret. A service's own name in its labels is
    SERVICE, so that the same change of several can be one line."""
    skipped = {"image", "environment", "secrets"}
    old = _flat({key: value for key, value in before.items() if key not in skipped})
    new = _flat({key: value for key, value in after.items() if key not in skipped})
    changed = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    told = [
        f"{key}: {_change(old.get(key), new.get(key))}".replace(f".{name}.", ".SERVICE.") for key in changed
    ]
    return [f"{name}: {line}" for line in told]


def _change(old: str | tuple[str, ...] | None, new: str | tuple[str, ...] | None) -> str:
    """`a -> b`; of lists only what differs."""
    if isinstance(old, tuple) and isinstance(new, tuple):
        old, new = tuple(x for x in old if x not in new), tuple(x for x in new if x not in old)
    return f"{_words(old)} -> {_words(new)}"


def _words(value: str | tuple[str, ...] | None) -> str:
    return "none" if not value else value if isinstance(value, str) else ", ".join(value)


def _flat(value: Any, path: str = "") -> dict[str, str | tuple[str, ...]]:
    if isinstance(value, Mapping):
        found: dict[str, str | tuple[str, ...]] = {}
        for name, one in value.items():
            found |= _flat(one, f"{path}.{name}" if path else str(name))
        return found
    return {path: tuple(map(str, value)) if isinstance(value, list | tuple) else str(value)}


def _secrets(old: Manifest, new: Manifest) -> list[str]:
    before = {name: str(one["name"]) for name, one in old.stack["secrets"].items()}
    after = {name: str(one["name"]) for name, one in new.stack["secrets"].items()}
    lines = [
        f"secret {name.upper()}: added ({_end(after[name])})" for name in sorted(after.keys() - before.keys())
    ]
    lines += [f"secret {name.upper()}: removed" for name in sorted(before.keys() - after.keys())]
    for name in sorted(after.keys() & before.keys()):
        if before[name] != after[name]:
            lines.append(f"secret {name.upper()}: changed ({_end(before[name])} -> {_end(after[name])})")
    return lines


def _end(hashed: str) -> str:
    return f"...{hashed[-8:]}"


def _joined(lines: list[str]) -> list[str]:
    """The same change of several services in one line."""
    services: dict[str, list[str]] = {}
    for line in lines:
        name, _, change = line.partition(": ")
        services.setdefault(change, []).append(name)
    return [f"{', '.join(names)}: {change}" for change, names in services.items()]


VERB = Verb("plan", "what a deploy would change; builds and changes nothing", run)
