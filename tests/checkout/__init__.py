"""Checkout in this process over a real database, asking a real catalog."""
