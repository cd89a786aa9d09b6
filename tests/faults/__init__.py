"""The store bends and does not break: faults in a whole running store."""
