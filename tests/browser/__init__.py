"""A shopper in a real Chromium, at a running store."""
