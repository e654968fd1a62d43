"""Says what machine the figures belong to."""

from __future__ import annotations

import os
import platform


def machine() -> str:
    """Processors, system, Python, and how busy it was."""
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return (
        f"{os.cpu_count()} CPUs, {platform.system()} {platform.release()}, Python"
        f" {platform.python_version()}, load average before: {load}"
    )
