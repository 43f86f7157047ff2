"""From recordings to what places are made of: shapes of things, ground, light and sky. Reads video files only."""
