"""Named SQL: statements live in `.sql` files beside the code, each under a `-- name:` line.

    -- name: product_by_slug
    -- One product with everything its page needs.
    SELECT ...

`load_queries(__file__, "products.sql")["product_by_slug"]` at module level: an unknown name fails
at import, not at a shopper's click.
"""

from __future__ import annotations

import re
from pathlib import Path

_NAME = re.compile(r"^-- name: (\w+)[ \t]*$", re.MULTILINE)


def load_queries(module_file: str, sql_file: str) -> dict[str, str]:
    """The statements of a file beside the module, by name. Raises ValueError on a name given twice."""
    text = (Path(module_file).parent / sql_file).read_text()
    pieces = _NAME.split(text)[1:]
    names, bodies = pieces[0::2], pieces[1::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{sql_file} gives a name twice")
    return {name: body.strip().rstrip(";") for name, body in zip(names, bodies, strict=True)}
