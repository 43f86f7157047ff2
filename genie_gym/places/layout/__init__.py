"""Layouts: which things stand where in a place, and on which ground, as recorded places teach it.

`mining.mine` reads what there is off recordings, `LayoutModel` learns to choose and samples, `judge` compares.
"""
