"""Memory that was freed and is still held: the C library keeps it for itself unless it is asked."""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Let the system have what this process has freed; does nothing where the C library cannot.

    glibc keeps freed blocks below its top, in every thread's arena, and tens of megabytes of a
    picture leave holes there.
    """
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
