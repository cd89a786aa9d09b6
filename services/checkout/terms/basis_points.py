"""Percentages as the tables keep them: in hundredths of a percent, never a float."""

from __future__ import annotations

from services.errors import FieldError, Invalid


def basis_points(percent: float, field: str = "percent") -> int:
    """19.5 is 1950. Raises Invalid for more than two decimals."""
    if round(percent, 2) != percent:
        raise Invalid([FieldError(field, "has two decimals at most")])
    return round(percent * 100)
