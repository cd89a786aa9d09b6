"""The category tree, grown from the paths of the vocabulary's leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ops.demo.slugs import slug_of
from ops.demo.vocabulary import Department

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Category:
    id: int
    parent_id: int | None
    slug: str
    name: str
    position: int  # among its siblings, from 0


def grow(departments: Iterable[Department]) -> dict[Path, Category]:
    """Every category by its path from the department down; parents come before their children."""
    paths: dict[Path, None] = {}
    for department in departments:
        for leaf in department.leaf:
            full = (department.name, *leaf.path)
            paths.update(dict.fromkeys(full[:depth] for depth in range(1, len(full) + 1)))
    slugs = _slugs(list(paths))
    tree: dict[Path, Category] = {}
    siblings: Counter[Path] = Counter()
    for number, path in enumerate(paths, start=1):
        above = path[:-1]
        parent_id = tree[above].id if above else None
        tree[path] = Category(number, parent_id, slugs[path], path[-1], siblings[above])
        siblings[above] += 1
    return tree


def _slugs(paths: list[Path]) -> dict[Path, str]:
    """The shortest end of each path that no other path shares: `boots` of women and of men
    become `women-boots` and `men-boots`."""
    ends = Counter(slug_of(" ".join(path[-length:])) for path in paths for length in range(1, len(path) + 1))
    return {
        path: next(
            (slug for length in range(1, len(path)) if ends[slug := slug_of(" ".join(path[-length:]))] == 1),
            slug_of(" ".join(path)),
        )
        for path in paths
    }
