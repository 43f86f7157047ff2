<<<<<<< HEAD
"""Genie 2: a learned 3D place. Geometry keeps what was seen, tokens imagine what was not, a small network repairs."""
=======
"""Genie 2: a place in three dimensions, remembered."""
>>>>>>> wt-suite
