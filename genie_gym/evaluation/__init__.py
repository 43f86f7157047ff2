"""How good a world is: fidelity, controllability, drift, speed. Definitions and sources: docs/evaluation.md."""
