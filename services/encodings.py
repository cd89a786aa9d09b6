"""Which content coding a browser gets (RFC 9110, section 12.5.3)."""

from __future__ import annotations

from collections.abc import Collection

IDENTITY = "identity"


def choose(accept_encoding: str, offered: Collection[str]) -> str:
    """The coding the client likes best among the offered ones, which stand in our own order, and
    `identity`. Who says nothing, or refuses everything, gets `identity`."""
    weights = _weights(accept_encoding)
    anything_else = weights.get("*", 0.0)
    # Unless it says so, a client takes the plain form, but only when there is nothing better.
    plain = weights.get(IDENTITY, anything_else)
    best, best_weight = IDENTITY, plain
    for coding in offered:
        weight = weights.get(coding, anything_else)
        if weight > 0 and (weight > best_weight or (best == IDENTITY and weight == best_weight)):
            best, best_weight = coding, weight
    return best


def _weights(accept_encoding: str) -> dict[str, float]:
    """`br;q=0.5, gzip` as `{"br": 0.5, "gzip": 1.0}`; what is not understood counts as refused."""
    weights: dict[str, float] = {}
    for item in accept_encoding.lower().split(","):
        coding, *parameters = (part.strip() for part in item.split(";"))
        if coding:
            weights[coding] = _weight(parameters)
    return weights


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(1.0, max(0.0, float(value)))
            except ValueError:
                return 0.0
    return 1.0
