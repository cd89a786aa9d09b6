"""What of a text that quotes things may be read by all who read logs, reports and the jobs dashboard."""

from __future__ import annotations

import pytest

from services.private_text import MASK, without_quotes

ID = "0198c0de-7b1e-7a33-9f0e-5d1c2b3a4f50"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("welcome:ada@example.org", f"welcome:{MASK}"),
        ("401 for sk_test_4eC39HqLyjWD, asked again", f"401 for {MASK}, asked again"),
        ("{'Authorization': 'Bearer abc.d-e='}", f"{{'Authorization': '{MASK}'}}"),
        ("pi_3Nx_secret_9aB of pi_3Nx", f"{MASK} of pi_3Nx"),
        ("refused 4242 4242 4242 4242 and 4242424242424242.", f"refused {MASK} and {MASK}."),
        ("2223003122003222, 2223 0031 2200 3222, 2720-9999-9999-9996", f"{MASK}, {MASK}, {MASK}"),
        ("postgresql://kiosk:s3cr@t@db:5432/kiosk", f"postgresql://kiosk:{MASK}@db:5432/kiosk"),
        ("redis://:hush@cache.example.org:6379/0", f"redis://:{MASK}@cache.example.org:6379/0"),
    ],
)
def test_what_a_text_quotes_of_private_things_is_hidden(text: str, shown: str) -> None:
    assert without_quotes(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        f"checkout.poll_payment {ID}", "order 4242424242424241 at 1785312000000", "order 1000042, K-1000042",
        "2220000000000001 2721000000000004", "2026-07-01T12:00:00.123456+00:00", "20260701120000: 3400.5 ms",
        f"trace {'4' * 32} of 9f0e5d1c2b3a4f50", "GET http://catalog:8000/products?q=a:b 200",
        "http://127.0.0.1:9/sandbox, then ops@db", "Key (order_id) of Key (id)", "a row contains (nothing)",
    ],
)  # fmt: skip
def test_what_one_looks_for_in_logs_stays(text: str) -> None:
    assert without_quotes(text) == text


ROW = (
    f'{ID}, tok_9f0e5d, Ada (née Byron), 12 St. James\'s Square).\nLondon (SW1), {{"note": "a)\\n(b"}}, null'
)
FAILING = f"null value\nDETAIL:  Failing row contains ({ROW})."


@pytest.mark.parametrize("hint", ["", "\nHINT:  Give it a name."])
def test_a_row_that_postgresql_quotes_is_hidden_to_its_end(hint: str) -> None:
    assert without_quotes(FAILING + hint) == f"null value\nDETAIL:  Failing row contains ({MASK}){hint}"


def test_after_a_quoted_row_a_traceback_goes_on() -> None:
    between = "\n\nThe above exception was the direct cause of the following exception:\n\nTraceback (most"
    shown = without_quotes(f"E: {FAILING}{between} recent call last):\nE: {FAILING}\n")
    assert shown.count(MASK) == 2
    assert "The above exception" in shown
    assert "London" not in shown
    group = f"  | E: {FAILING}\n  +---------------- 2 ----------------\n  | Traceback (most"
    assert "+---------------- 2" in without_quotes(group)
    assert "London" not in without_quotes(group)


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("Key (email)=({}) already exists.", f"Key (email)=({MASK}) already exists."),
        ("Key (lower((email)::text), x)=({}, 1) is duplicated.",
         f"Key (lower((email)::text), x)=({MASK}) is duplicated."),
        ('Key (cart_id)=({}) is not present in table "carts".',
         f'Key (cart_id)=({MASK}) is not present in table "carts".'),
        ('Key (id)=({}) is still referenced from table "orders".\nHINT:  None.',
         f'Key (id)=({MASK}) is still referenced from table "orders".\nHINT:  None.'),
        ("Key (a)=({}) conflicts with existing key (a)=({}).\nHINT:  None.",
         f"Key (a)=({MASK}) conflicts with existing key (a)=({MASK}\nHINT:  None."),
        ("Key (a)=({} cut sh", f"Key (a)=({MASK}"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", ["ada", "12 St. (James's) Square)\n(London)"])
def test_the_values_of_a_key_that_postgresql_quotes_are_hidden(value: str, told: str, shown: str) -> None:
    assert without_quotes(told.replace("{}", value)) == shown


@pytest.mark.parametrize(
    "part",
    [
        "a.", "1 ", "a@", "4444 ", "Key (", "Key (a)", ")=", "://a:", "://:", "a://b:c", "Traceback (most",
        "\n", "\n  |", "Bearer", "pi_x-", "pi_secret", "2223", "Failing row contains", "•",
    ],
)  # fmt: skip
def test_a_long_text_is_gone_through_once(part: str) -> None:
    """A pattern that began anew at each character would not come to an end here."""
    text = part * 200_000
    assert without_quotes(text) == text


@pytest.mark.parametrize(
    "part",
    [
        "Failing row contains (",
        "Key (a)=(",
        "a://b:c@",
        ") already exists Key (a)=(\n |",
        "eyJ",
        "pi_secret_",
    ],
)
def test_so_is_one_in_which_much_is_hidden(part: str) -> None:
    assert MASK in without_quotes(part * 100_000)
