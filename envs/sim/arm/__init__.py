"""A robot arm over a table, in MuJoCo."""
