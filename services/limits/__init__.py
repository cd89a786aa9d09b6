"""How much one caller may ask for: the rules, what counts them, and the layer that keeps them."""
