"""Categories as paths of slugs, `lighting/desk-lamps`: checked against the tree, created where missing."""

from __future__ import annotations

from collections.abc import Iterable

from services.catalog.import_lines import Line
from services.database import Connection
from services.errors import FieldError
from services.queries import load_queries

_SQL = load_queries(__file__, "category_paths.sql")
_PARENTS, _CREATE = _SQL["parents"], _SQL["create"]

Path = tuple[str, ...]


class CategoryPaths:
    """The part of the tree that some lines speak of, and what they add to it. A slug stands in the
    tree once, so a path that puts it elsewhere is refused."""

    def __init__(self, parents: dict[str, str | None]) -> None:
        self._parents = parents
        self._new: dict[int, dict[str, str | None]] = {}  # by depth

    def clashes(self, paths: Iterable[Path]) -> list[FieldError]:
        """What is wrong with one line's paths."""
        known = dict(self._parents)
        errors = []
        for place, path in enumerate(paths):
            for parent, slug in _steps(path):
                if known.setdefault(slug, parent) != parent:
                    stands = f"below {known[slug]}" if known[slug] else "at the top"
                    errors.append(FieldError(f"categories[{place}]", f"{slug} stands {stands} already"))
                    break
        return errors

    def add(self, paths: Iterable[Path]) -> None:
        """Notes what has to be created for paths that do not clash."""
        for path in paths:
            for depth, (parent, slug) in enumerate(_steps(path)):
                if slug not in self._parents:
                    self._parents[slug] = self._new.setdefault(depth, {})[slug] = parent

    async def create(self, raw: Connection) -> bool:
        """Creates what was noted; whether that was anything. One round trip per depth."""
        for _, new in sorted(self._new.items()):
            names = [slug.replace("-", " ").capitalize() for slug in new]
            await raw.execute(_CREATE, list(new.values()), list(new), names)
        return bool(self._new)


async def paths_of(raw: Connection, lines: Iterable[Line]) -> CategoryPaths:
    """The tree as far as these lines speak of it."""
    slugs = {slug for line in lines for path in line.paths for slug in path}
    rows = await raw.fetch(_PARENTS, list(slugs)) if slugs else []
    return CategoryPaths({row["slug"]: row["parent"] for row in rows})


def _steps(path: Path) -> Iterable[tuple[str | None, str]]:
    """Each category of a path with the one above it."""
    return zip((None, *path), path, strict=False)
