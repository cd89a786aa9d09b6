"""Which content coding a client gets."""

import pytest

from services.encodings import choose


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, zstd", "zstd"),
        ("gzip", "gzip"),
        ("GZIP;Q=1", "gzip"),
        ("*", "br"),
        ("br;q=0.1, gzip;q=0.8", "gzip"),
        ("br;q=0, *;q=0.5", "zstd"),
        ("identity, gzip;q=0.5", "identity"),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        ("br;q=often", "identity"),
        ("br;q=0", "identity"),
        ("deflate", "identity"),
        ("identity;q=0", "identity"),
        (";,;q=1", "identity"),
        ("", "identity"),
    ],
)
def test_the_client_chooses_and_among_equals_the_smallest_is_sent(accept: str, chosen: str) -> None:
    assert choose(accept, ["br", "zstd", "gzip"]) == chosen
