"""Limits of checkout that hold without Redis, and those on what only its tables know."""
