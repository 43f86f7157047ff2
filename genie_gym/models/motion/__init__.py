"""How one moves: what keys and latent actions come to, as motions of a camera. Learned from walks, however drawn."""
