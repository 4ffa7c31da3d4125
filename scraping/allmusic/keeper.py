"""Runs the driver, and ends it and its browser when whoever started this is gone.

Python's own clean-up does not run when a crawl is killed; the end of standard input tells of every
death. Run as a file, so it imports nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading


def main(folder: str, command: list[str]) -> int:
    """Run a command until it ends or standard input does, then remove a folder.

    Args:
        folder: everything that the command writes.
        command: it and all it starts are killed in the end; one process group.

    Returns:
        The command's exit status.
    """
    # Of its own, so that Ctrl-C on the terminal reaches neither driver nor browser.
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def kill(*_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)

    def watch() -> None:
        while os.read(0, 1024):
            pass
        kill()

    signal.signal(signal.SIGTERM, kill)
    threading.Thread(target=watch, daemon=True).start()
    status = child.wait()
    kill()
    for _ in range(100):
        # What was killed may still run, and write, for a moment.
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.exists(folder) and not _runs(child.pid):
            break
        threading.Event().wait(0.02)
    return status


def _runs(group: int) -> bool:
    """Whether any process of a group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
