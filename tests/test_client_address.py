"""Whom a request comes from."""

import pytest

from services.client_address import UNKNOWN, client_address, read_proxies
from services.settings import SettingError

PROXIES = read_proxies("10.0.0.1, 10.1.0.0/16, 2001:db8:ffff::/48")


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),  # only the last was written by somebody we trust
        ("203.0.113.9, 10.0.0.1", "203.0.113.9"),
        ("made-up, 203.0.113.9, 10.1.7.7, 10.0.0.1", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9,10.1.7.7", "203.0.113.9"),
        ("10.0.0.1", "10.0.0.1"),  # a proxy that asks for itself
        ("10.0.0.1, 10.1.0.1", "10.0.0.1"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::/64"),
        ("203.0.113.9, 2001:db8:ffff::7", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, ::ffff:10.0.0.1", "203.0.113.9"),
        ("[2001:db8:1:2::1]", "2001:db8:1:2::/64"),
        ("198.51.100.7:51234", "198.51.100.7"),
        ("[2001:db8:1:2::1]:443", "2001:db8:1:2::/64"),
        ("198.51.100.7:51234, 10.0.0.1:80", "198.51.100.7"),
        ("made-up", UNKNOWN),
        ("made-up:80", UNKNOWN),
        ("[made-up]:80", UNKNOWN),
        ("_hidden, 10.0.0.1", UNKNOWN),
        ("203.0.113.9, unknown", UNKNOWN),
        ("", "192.0.2.77"),
        (" , ", "192.0.2.77"),
        (None, "192.0.2.77"),
    ],
)
def test_the_last_address_that_is_no_proxy_of_ours_is_the_clients(
    header: str | None, address: str | None
) -> None:
    assert client_address(header, ("192.0.2.77", 1), PROXIES) == address


def test_those_without_any_address_are_one() -> None:
    assert client_address(None, None, ()) == UNKNOWN


def test_a_service_that_asks_for_itself_has_none() -> None:
    assert client_address("10.0.0.7", None, (), internal=True) is None
    assert client_address("made-up, 10.0.0.7", None, (), internal=True) == UNKNOWN


def test_an_address_that_can_not_be_read_is_told_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.client_address._said", [])
    for n in range(3):
        client_address(f"made-up-{n}", None, ())
    [told] = caplog.records
    assert getattr(told, "facts", None) == {"x_forwarded_for": "made-up-0"}


def test_a_proxy_that_is_no_address_stops_the_process() -> None:
    with pytest.raises(SettingError, match="TRUSTED_PROXIES"):
        read_proxies("10.0.0.1, proxy.example")
