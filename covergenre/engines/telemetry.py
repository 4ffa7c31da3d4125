"""OpenVINO's makers are not told what is done here."""

from __future__ import annotations

import sys


def switch_off() -> None:
    """To be called before OpenVINO converts and NNCF is imported.

    Both report to OpenVINO's makers what they do, by a package that they do without if it is not
    there.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
