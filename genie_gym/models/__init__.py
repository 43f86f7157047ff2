"""The networks a world is made of. Each is usable alone; none knows of environments, datasets or training."""
