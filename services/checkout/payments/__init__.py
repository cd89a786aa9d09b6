"""Payments and refunds: the gateway, its webhooks, what came of them."""
