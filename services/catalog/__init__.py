"""Products, variants, prices, categories, search. Owns the schema `catalog`."""
