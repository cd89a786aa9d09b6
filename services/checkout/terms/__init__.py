"""The shopkeeper's terms: discounts, ways of shipping, tax rates."""
