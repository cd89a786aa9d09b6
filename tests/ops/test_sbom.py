"""The bill of materials, by rules of the schema of CycloneDX 1.6, and the locked requirements."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from ops.sbom import ROOT, bill_of, locked_in

FILES = sorted((ROOT / "requirements").glob("*.txt"))
# What https://cyclonedx.org/schema/bom-1.6.schema.json asks of the parts that we write.
_REFERENCE: dict[str, Any] = {
    "type": "object",
    "required": ["url", "type"],
    "additionalProperties": False,
    "properties": {
        "url": {"type": "string", "format": "uri"},
        "type": {"const": "distribution"},
        "hashes": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["alg", "content"],
                "additionalProperties": False,
                "properties": {"alg": {"const": "SHA-256"}, "content": {"pattern": "^[a-f0-9]{64}$"}},
            },
        },
    },
}
_COMPONENT: dict[str, Any] = {
    "type": "object",
    "required": ["type", "name"],
    "additionalProperties": False,
    "properties": {
        "type": {"enum": ["application", "library"]},
        "bom-ref": {"type": "string", "minLength": 1},
        "name": {"type": "string"},
        "version": {"type": "string", "maxLength": 1024},
        "purl": {"type": "string", "pattern": r"^pkg:pypi/[a-z0-9-]+@[^@\s]+$"},
        "externalReferences": {"type": "array", "items": _REFERENCE},
    },
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["bomFormat", "specVersion"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"const": "http://cyclonedx.org/schema/bom-1.6.schema.json"},
        "bomFormat": {"const": "CycloneDX"},
        "specVersion": {"const": "1.6"},
        "version": {"type": "integer", "minimum": 1},
        "metadata": {"type": "object", "properties": {"component": _COMPONENT}},
        "components": {"type": "array", "items": _COMPONENT, "uniqueItems": True},
        "dependencies": {
            "type": "array",
            "uniqueItems": True,
            "items": {
                "type": "object",
                "required": ["ref"],
                "additionalProperties": False,
                "properties": {
                    "ref": {"type": "string"},
                    "dependsOn": {"type": "array", "uniqueItems": True, "items": {"type": "string"}},
                },
            },
        },
    },
}


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-m", "ops.sbom"], check=True, capture_output=True, cwd=ROOT)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_bill_has_the_shape_of_cyclonedx(bill: dict[str, Any]) -> None:
    jsonschema_rs.validate(SCHEMA, bill)


def test_every_reference_leads_to_one_component(bill: dict[str, Any]) -> None:
    refs = [bill["metadata"]["component"]["bom-ref"], *(one["bom-ref"] for one in bill["components"])]
    assert len(refs) == len(set(refs))
    assert {one["ref"] for one in bill["dependencies"]} == set(refs)
    assert {ref for one in bill["dependencies"] for ref in one.get("dependsOn", ())} == set(refs[1:])


def test_the_bill_names_what_is_installed(bill: dict[str, Any]) -> None:
    listed = {one["name"]: one["version"] for one in bill["components"]}
    for name in ("starlette", "asyncpg", "argon2-cffi"):
        assert listed[name] == version(name)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_requirement_is_locked_by_hash(file: Path) -> None:
    assert len(locked_in(file.read_text())) == len(re.findall(r"^[a-zA-Z]", file.read_text(), re.MULTILINE))


@pytest.mark.parametrize("line", ["starlette", "starlette>=1", "starlette==1.0", "git+https://x.example/y"])
def test_what_is_not_locked_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="not locked"):
        locked_in(line)


def test_every_installation_checks_the_hashes() -> None:
    for file in ("Dockerfile", "Dockerfile.dev", "Makefile"):
        text = (ROOT / file).read_text().replace("\\\n", " ")
        for line in text.splitlines():
            if re.search(r"\bpip\S* install\b|\bpip_audit\b", line):
                assert "--require-hashes" in line, (file, line)


def test_names_are_those_of_the_package_index() -> None:
    text = f"Typing_Extensions==1.0+local --hash=sha256:{'0' * 64}\n"
    [component] = bill_of(locked_in(text), "kiosk", "1")["components"]
    assert component["purl"] == "pkg:pypi/typing-extensions@1.0%2Blocal"
