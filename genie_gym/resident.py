"""How much memory this process holds."""

from __future__ import annotations

import resource


def resident_megabytes() -> float:
    """Of main memory, now; elsewhere than on Linux the most there ever was."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize() / 1e6
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
