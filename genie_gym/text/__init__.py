"""Worlds and events as values and as text, English or Chinese. Knows nothing of simulators and networks."""
