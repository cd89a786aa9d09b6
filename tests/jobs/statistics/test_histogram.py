"""Percentiles out of few numbers."""

import random

import pytest

from services.jobs.statistics.histogram import BUCKETS_MAX, add_to, bucket_of, percentile_ms


def histogram(*times_ms: float) -> list[int]:
    counts: list[int] = []
    for time_ms in times_ms:
        add_to(counts, time_ms)
    return counts


@pytest.mark.parametrize("share", [0.5, 0.95])
@pytest.mark.parametrize("mean_ms", [5, 300, 60_000])
def test_a_percentile_is_within_a_fifth_of_the_truth(share: float, mean_ms: float) -> None:
    dice = random.Random(mean_ms)
    times = sorted(dice.expovariate(1 / mean_ms) + 1 for _ in range(2000))
    truth = times[int(share * len(times))]
    assert percentile_ms(histogram(*times), share) == pytest.approx(truth, rel=0.2)


def test_nothing_counted_has_no_percentile() -> None:
    assert percentile_ms([], 0.5) is None
    assert percentile_ms([0, 0], 0.5) is None


def test_quick_jobs_have_short_histograms_and_endless_ones_no_longer_ones() -> None:
    assert histogram(0.0, 0.9, 1.0) == [3]
    assert len(histogram(10.0)) == bucket_of(10.0) + 1 < 10
    assert len(histogram(1e12)) == BUCKETS_MAX
