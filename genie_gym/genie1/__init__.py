"""Genie 1: tokens, latent actions found without labels, and a dynamics model that fills in the next frame."""
