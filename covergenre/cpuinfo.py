"""What Linux says of this machine's processor."""

from __future__ import annotations


def cpuinfo() -> dict[str, str]:
    """The fields of ``/proc/cpuinfo``, of the last core where several have one of a name.

    Returns:
        name to value, e.g. ``model name`` and ``flags``; empty where there is no such file.
    """
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            lines = [line.partition(":") for line in file]
    except OSError:
        return {}
    return {key.strip(): value.strip() for key, _, value in lines}
