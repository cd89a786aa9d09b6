"""Times in about fifty numbers: enough for a median or a 95th percentile within a fifth of its value.

Bucket 0 counts times up to 1 ms; each next one reaches sqrt(2) times as far; the last has no end. Zeros
at the end are left out, so the histogram of quick jobs is short.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

_FIRST_MS = 1.0
_BUCKETS_PER_DOUBLING = 2
BUCKETS_MAX = 50  # the last begins at more than five hours


def bucket_of(milliseconds: float) -> int:
    if milliseconds <= _FIRST_MS:
        return 0
    return min(BUCKETS_MAX - 1, math.ceil(_BUCKETS_PER_DOUBLING * math.log2(milliseconds / _FIRST_MS)))


def add_to(counts: list[int], milliseconds: float) -> None:
    """Counts one time, in place."""
    bucket = bucket_of(milliseconds)
    counts.extend([0] * (bucket + 1 - len(counts)))
    counts[bucket] += 1


def percentile_ms(counts: Sequence[int], share: float) -> float | None:
    """The time that `share` (0 to 1) of those counted did not exceed; None when nothing was counted. Within
    a bucket times are taken as evenly spread."""
    total = sum(counts)
    if not total:
        return None
    wanted, seen = share * total, 0
    for bucket, count in enumerate(counts):
        if count and seen + count >= wanted:
            low, high = _begin_ms(bucket), _begin_ms(bucket + 1)
            return round(low + (high - low) * (wanted - seen) / count, 2)
        seen += count
    return None


def _begin_ms(bucket: int) -> float:
    return 0.0 if bucket == 0 else _FIRST_MS * 2.0 ** ((bucket - 1) / _BUCKETS_PER_DOUBLING)
