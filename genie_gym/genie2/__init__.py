"""Genie 2: a learned 3D place. Geometry keeps what was seen; networks see, imagine, and know what keys do."""
