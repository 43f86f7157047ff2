"""Genie 2: a place in three dimensions, remembered."""
