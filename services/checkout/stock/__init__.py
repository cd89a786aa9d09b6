"""Stock as the shopkeeper sees and sets it."""
