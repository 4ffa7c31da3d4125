"""Bring TensorFlow up: quietly, and with as many threads as the task has cores."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


def start(threads: int | None = None) -> None:
    """Import TensorFlow and set its threads; must come before its first use in the process.

    Args:
        threads: for one operation; None for all cores.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Several workers may share one GPU.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    with _quiet():
        import tensorflow as tf

        if threads and tf.config.threading.get_intra_op_parallelism_threads() != threads:
            # Where it is up already, it keeps the threads it has.
            with contextlib.suppress(RuntimeError):
                tf.config.threading.set_intra_op_parallelism_threads(threads)
                tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.list_logical_devices()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Drop what native code writes to stderr.

    TensorFlow tells of missing GPUs before its own log level counts, once for every worker.
    """
    if "tensorflow" in sys.modules:
        yield
        return
    sys.stderr.flush()
    saved = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
