"""The catalog through its whole ASGI stack, on a real PostgreSQL and Valkey."""
