"""Carts, stock, orders, payments. Owns the schema `checkout`."""
