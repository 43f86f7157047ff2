"""Real simulators that videos are recorded from and learned worlds are checked against. No neural network in here."""
