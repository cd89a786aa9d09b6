"""Orders: placed, followed, called off, shipped."""
