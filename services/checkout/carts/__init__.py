"""Carts: what a shopper wants, at which price, and where to."""
