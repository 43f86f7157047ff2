"""The play page: a world in a browser."""
