"""Scene graphs: which things a walk has seen, where they stand, and how they lie to one another. No networks."""
