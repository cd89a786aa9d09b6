"""Makes the virtual environment, once per change of the locked requirements.

    python3 ops/venv.py FOLDER runtime|local|dev|bench_jobs

Run by the system's Python, so it imports nothing but the standard library. `dev` holds all of
`local`, which holds all of `runtime`; `bench_jobs` has a folder of its own. Packages come by plain pip,
so pip's own settings apply.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

# Each set, and those that hold all of it.
SETS = {
    "runtime": ("runtime", "local", "dev"),
    "local": ("local", "dev"),
    "dev": ("dev",),
    "bench_jobs": ("bench_jobs",),
}
REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
PIP = ("-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--no-user", "--progress-bar=off")
# Every file is checked against its hash and nothing is built; bytecode is compiled as it is needed.
LOCKED = ("--require-hashes", "--no-deps", "--only-binary=:all:", "--no-compile")


def main() -> None:
    folder, wanted = Path(sys.argv[1]), sys.argv[2]
    whole = _is_whole(folder)
    if whole and any(_is_installed(folder, name) for name in SETS[wanted]):
        return
    if not whole:
        _create(folder)
    _install(folder, wanted)


def _is_whole(folder: Path) -> bool:
    """Whether the environment is there, and was made by this version of Python."""
    config = folder / "pyvenv.cfg"
    ours = f"version = {sys.version_info.major}.{sys.version_info.minor}."
    return config.exists() and ours in config.read_text() and _python(folder).exists()


def _create(folder: Path) -> None:
    if find_spec("ensurepip") is None:
        sys.exit("kiosk: this Python cannot make virtual environments; on Debian: apt install python3-venv")
    if folder.exists() and not (folder / "pyvenv.cfg").exists():
        sys.exit(f"kiosk: {folder} is there and is no virtual environment; name another: make VENV=...")
    print(f"Making {folder} with Python {sys.version.split()[0]}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(folder)], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        sys.exit(f"kiosk: could not make {folder}: {_last_line(made.stdout + made.stderr)}")


def _install(folder: Path, name: str) -> None:
    for other in SETS:
        _stamp(folder, other).unlink(missing_ok=True)
    locked = _lock(name)
    count = locked.read_text().count("==")
    started = time.monotonic()
    print(f"Installing up to {count} locked packages from requirements/{name}.txt", flush=True)
    pip = subprocess.Popen(
        [str(_python(folder)), *PIP, *LOCKED, "-r", str(locked)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    said = _show_progress(pip, count)
    if pip.wait() != 0:
        errors = [line for line in said if line.startswith("ERROR:")] or said
        sys.exit(f"kiosk: pip could not install requirements/{name}.txt: {_last_line(' '.join(errors[-1:]))}")
    _stamp(folder, name).write_text(_digest(locked))
    print(f"Installed in {time.monotonic() - started:.0f} s", flush=True)


def _show_progress(pip: subprocess.Popen[str], count: int) -> list[str]:
    """Names the package at hand: in place on a terminal, every tenth elsewhere. Returns pip's lines."""
    said: list[str] = []
    collected = 0
    for line in pip.stdout or ():
        said.append(line.rstrip())
        if line.startswith("Collecting "):
            collected += 1
            package = line.split()[1].split("==")[0]
            if sys.stdout.isatty():
                print(f"\r\033[K  {collected} of {count}: {package}", end="", flush=True)
            elif collected % 10 == 0:
                print(f"  {collected} of {count}: {package}", flush=True)
        elif line.startswith("Installing collected"):
            print("\r\033[K" * sys.stdout.isatty() + "  unpacking", flush=True)
    return said


def _is_installed(folder: Path, name: str) -> bool:
    stamp = _stamp(folder, name)
    return stamp.exists() and stamp.read_text() == _digest(_lock(name))


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


def _lock(name: str) -> Path:
    return REQUIREMENTS / f"{name}.txt"


def _stamp(folder: Path, name: str) -> Path:
    return folder / f"installed-{name}"


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


if __name__ == "__main__":
    main()
