"""Genie 3: a prompt becomes a place made of things, and one walks in it."""
