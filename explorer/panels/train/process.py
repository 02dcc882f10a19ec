"""A process of its own that outlives the app: started low, known again, stopped.

A process is known by its id and a mark, the moment it started. Ids are given out again,
so an id alone would take a stranger for the training of yesterday.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

NICER_BY = 10  # how much lower than ours the priority is
WINDOWS = sys.platform == "win32"


def start_low(
    command: Sequence[str], folder: Path, log: Path, extra_environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start a command that stays when we go, below our priority, its output added to `log`.

    It is in a process group of its own: a Ctrl-C in our terminal does not reach it.
    """
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.BELOW_NORMAL_PRIORITY_CLASS
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **extra_environment},
            start_new_session=not WINDOWS,
            creationflags=flags,
        )
    if sys.platform != "win32":
        with suppress(OSError):  # it may have ended already
            lowest = min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICER_BY)
            os.setpriority(os.PRIO_PGRP, process.pid, lowest)
    return process


def mark_of(pid: int) -> str | None:
    """When a process started, in words of its system; None if it has ended."""
    if pid <= 0:
        return None
    if sys.platform == "win32":
        return _mark_on_windows(pid)
    if sys.platform == "linux":
        return _mark_on_linux(pid)
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split(maxsplit=1)
    return shown[1].strip() if len(shown) == 2 and shown[0][0] != "Z" else None


def ask_to_stop(pid: int) -> None:
    """Ask a process of `start_low` to finish what it has in hand and end."""
    number = signal.CTRL_BREAK_EVENT if sys.platform == "win32" else signal.SIGTERM
    with suppress(OSError):
        os.kill(pid, number)


def end_at_once(pid: int) -> None:
    """End a process of `start_low` and the helpers it started."""
    with suppress(OSError):
        if sys.platform == "win32":
            os.kill(pid, signal.SIGTERM)
        else:
            os.killpg(pid, signal.SIGKILL)


def _mark_on_linux(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    # The name stands in brackets and may hold anything; the state is field 3, the start 22.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else f"{boot} {fields[19]}"


def _mark_on_windows(pid: int) -> str | None:
    if sys.platform != "win32":
        return None
    import ctypes
    from ctypes import wintypes

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.OpenProcess.restype = wintypes.HANDLE
    handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return None
    try:
        times = [wintypes.FILETIME() for _ in range(4)]
        code = wintypes.DWORD()
        kernel.GetExitCodeProcess(wintypes.HANDLE(handle), ctypes.byref(code))
        kernel.GetProcessTimes(wintypes.HANDLE(handle), *(ctypes.byref(t) for t in times))
    finally:
        kernel.CloseHandle(wintypes.HANDLE(handle))
    started = (times[0].dwHighDateTime << 32) + times[0].dwLowDateTime
    return str(started) if code.value == 259 else None  # STILL_ACTIVE
