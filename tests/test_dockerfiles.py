"""Dockerfiles, as hadolint reads them, and what may get into an image."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = (ROOT / "Dockerfile", ROOT / "Dockerfile.dev")
STAND_INS = sorted((ROOT / "tests" / "deploy" / "stand_ins").glob("*/Dockerfile"))
# Of the tests' own images: Debian keeps one version of a package, and its sh knows no pipefail.
ALLOWED_TO_STAND_INS = ("--ignore=DL3008", "--ignore=DL4006", "--failure-threshold=warning")


@pytest.mark.parametrize("file", [*OURS, *STAND_INS], ids=lambda file: str(file.relative_to(ROOT)))
def test_hadolint_finds_nothing(file: Path) -> None:
    allowed = ALLOWED_TO_STAND_INS if file in STAND_INS else ()
    hadolint = [str(Path(sys.executable).with_name("hadolint")), "--no-color", *allowed, str(file)]
    done = subprocess.run(hadolint, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_dockerfile_asks_a_registry_for_its_own_syntax() -> None:
    for file in (*OURS, *STAND_INS):
        assert "syntax=" not in file.read_text()


def test_the_build_sees_only_what_is_named() -> None:
    """No .env, no .git, no state: the rule that forbids everything comes first."""
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] not in ("#", "")]
    assert rules[0] == "*"
    allowed = [rule for rule in rules if rule.startswith("!")]
    assert allowed == ["!requirements/*.txt", "!services", "!ops", "!traefik", "!compose"]


def test_no_program_of_the_image_raises_privileges() -> None:
    text = OURS[0].read_text()
    stage = text.partition(" AS runtime\n")[2]
    assert "find / -xdev -type f -perm /6000 -exec chmod a-s {} +" in stage.partition("USER 10001")[0]


def test_no_secret_stays_in_a_layer() -> None:
    """What a build needs of a secret is mounted for one step; arguments and ENV stay in the history."""
    for file in OURS:
        declared = [line for line in file.read_text().splitlines() if line.startswith(("ARG", "ENV", "COPY"))]
        assert declared
        assert not [line for line in declared if re.search(r"SECRET|PASSWORD|TOKEN|_KEY|\.env|\bCA\b", line)]
