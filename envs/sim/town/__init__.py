"""Town: procedural 3D worlds in MuJoCo, from a `WorldSpec` and a seed."""
