"""`python -m ops.publish_routes FOLDER` puts this release's routes where Traefik watches: a one-shot task
of each deploy, on every node of the edge.

Each file is written beside its place and then renamed, so that Traefik never reads half of one. Files
that are not asked for (the maintenance page's, an old certificate's) are removed.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from ops.console import say

ROUTES = Path(__file__).parent.parent / "traefik" / "routes.yml"


def publish(folder: Path, files: dict[str, str]) -> list[str]:
    """Makes `*.yml` of the folder these files (content by name); the names that changed."""
    changed = []
    for name, content in files.items():
        target = folder / name
        if target.exists() and target.read_text() == content:
            continue
        unfinished = folder / f".{name}.unfinished"
        unfinished.write_text(content)
        unfinished.chmod(0o644)
        os.replace(unfinished, target)
        changed.append(name)
    for stray in sorted(folder.glob("*.yml")):
        if stray.name not in files:
            stray.unlink()
            changed.append(stray.name)
    return changed


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ops.publish_routes", description="Tell Traefik.")
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--file",
        action="append",
        default=[],
        metavar="NAME=CONTENT",
        help="one more file beside routes.yml",
    )
    chosen = parser.parse_args()
    more = dict(entry.split("=", 1) for entry in chosen.file)
    changed = publish(chosen.folder, {**more, "routes.yml": ROUTES.read_text()})
    say(f"  routes: {', '.join(changed) or 'nothing new'}")


if __name__ == "__main__":
    main()
