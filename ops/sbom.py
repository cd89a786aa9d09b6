"""`make sbom`: what a requirements file locks, as a software bill of materials on standard output.

CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json/; Ecma standard ECMA-424). Packages are named by their
purl (https://github.com/package-url/purl-spec, type `pypi`). The hashes of a package's files, of which one is
installed, are not those of the component: each stands as an external reference of type `distribution`.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
_LOCKED = re.compile(r"^(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Locked:
    """One package: its name as PyPI normalizes it (PEP 503), and the SHA-256 of each file it may come as."""

    name: str
    version: str
    hashes: tuple[str, ...]

    @property
    def purl(self) -> str:
        return f"pkg:pypi/{self.name}@{self.version.replace('+', '%2B')}"


def locked_in(text: str) -> list[Locked]:
    """The packages of a requirements file. Raises ValueError for a line that locks nothing, or without a
    hash."""
    found = []
    for line in text.replace("\\\n", " ").splitlines():
        bare = line.partition("#")[0].strip()
        if not bare:
            continue
        match, hashes = _LOCKED.match(bare), tuple(_HASH.findall(bare))
        if match is None or not hashes:
            raise ValueError(f"not locked by a hash: {line[:80]}")
        name = re.sub(r"[-_.]+", "-", match["name"]).lower()
        found.append(Locked(name, match["version"], hashes))
    return found


def bill_of(packages: list[Locked], name: str, version: str) -> dict[str, Any]:
    """The document, the same for the same packages: no time and no serial number, which are optional."""
    root = f"pkg:generic/{name}@{version}"
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {"type": "application", "bom-ref": root, "name": name, "version": version},
        },
        "components": [_component(package) for package in packages],
        "dependencies": [
            {"ref": root, "dependsOn": sorted(package.purl for package in packages)},
            *({"ref": package.purl} for package in packages),
        ],
    }


def _component(package: Locked) -> dict[str, Any]:
    files = [
        {
            "type": "distribution",
            "url": package.purl,  # of whichever index it is installed from: a purl is a URI, too
            "hashes": [{"alg": "SHA-256", "content": one}],
        }
        for one in package.hashes
    ]
    return {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        "externalReferences": files,
    }


def main(files: list[str]) -> int:
    """Of the named sets (`runtime`, which is what the image holds, when none is)."""
    texts = [(ROOT / "requirements" / f"{name}.txt").read_text() for name in files or ["runtime"]]
    packages = {one.purl: one for text in texts for one in locked_in(text)}
    bill = bill_of([packages[purl] for purl in sorted(packages)], "kiosk", "0")
    print(json.dumps(bill, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
