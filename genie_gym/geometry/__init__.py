"""Cameras, poses, reprojection and keyframe memory: torch, no networks."""
