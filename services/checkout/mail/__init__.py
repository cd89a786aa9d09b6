"""What the shop writes to its shoppers."""
