"""From video to a world: losses, stages, one trainer."""
