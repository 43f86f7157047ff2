"""A place made of things: what stands where on which ground, what draws it, and what one bumps into."""
