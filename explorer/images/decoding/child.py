"""The process that decodes: reads requests from its input, answers on its output, until that ends.

    python -m explorer.images.decoding.child CPU_S MEMORY_BYTES

It loads neither torch nor gradio. Its limits are the system's, set here before any file is seen, so
that a decoder which never comes back to Python is ended all the same.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from explorer.guard.memory import give_back
from explorer.images.decoding.caps import Limits, admit, too_hungry
from explorer.images.decoding.messages import Head, receive, send
from explorer.images.decoding.reading import packed, read
from explorer.images.decoding.training_files import check_pictures
from models.errors import BadInput
from models.reading.files import shown_name

NICER_BY = 5  # a picture that is being drawn goes before one that is being read

Answer = tuple[Head, list[bytes]]


def main() -> None:
    """Serve requests until the server is gone."""
    output = os.fdopen(os.dup(1), "wb")
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    quiet = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # libraries remark on every broken file, as many as a visitor sends
        os.dup2(quiet, stream)
    logging.getLogger("PIL").setLevel(logging.CRITICAL + 1)
    warnings.filterwarnings("ignore", module=r"PIL\.")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    limits = Limits(cpu_s=int(sys.argv[1]), memory_bytes=int(sys.argv[2]))
    limit_memory(limits)
    while True:
        try:
            head, bodies = receive(sys.stdin.buffer)
        except EOFError:
            return
        allow_time(limits)
        try:
            answer = answered(head, bodies, limits, lambda facts: send(output, {"facts": facts}))
            send(output, answer[0], *answer[1])
        except BrokenPipeError:
            return
        give_back()


def answered(
    head: Head, bodies: list[bytes], limits: Limits, tell: Callable[[str], None]
) -> Answer:
    """The answer to one request; whatever goes wrong is one too.

    Args:
        head: The request.
        bodies: The file, if it came along.
        limits: Named where there was no memory left.
        tell: Told what the file is before it is unpacked.
    """
    label, facts = shown_name(str(head.get("name", "the file"))), "a picture"
    try:
        if head["job"] == "training":
            tell("pictures to train on")
            found = check_pictures([Path(path) for path in head["files"]])
            return {"count": found.count}, []
        facts = admit(bodies[0], head["name"])
        tell(facts)
        return packed(read(bodies[0], head["name"]))
    except BadInput as error:
        found_none = _found_no_memory(error.__cause__)
        return {"bad": str(too_hungry(label, facts, limits) if found_none else error)}, []
    except MemoryError:
        return {"bad": str(too_hungry(label, facts, limits))}, []
    except BrokenPipeError:
        raise
    except Exception:
        traceback.print_exc()
        return {"fault": True}, []


def limit_memory(limits: Limits) -> None:
    """Ask the system to give this process no more than it may have, and to be served last."""
    if sys.platform == "win32":
        return
    import resource

    os.nice(NICER_BY)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # others take the number and do not keep to it
        resource.setrlimit(resource.RLIMIT_DATA, (limits.memory_bytes, limits.memory_bytes))


def allow_time(limits: Limits) -> None:
    """From now on so many seconds of the processor; then the system ends this process."""
    if sys.platform == "win32":
        return
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF)
    until_s = int(usage.ru_utime + usage.ru_stime) + 1 + limits.cpu_s
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    if hard == resource.RLIM_INFINITY or until_s <= hard:
        resource.setrlimit(resource.RLIMIT_CPU, (until_s, hard))


def _found_no_memory(error: BaseException | None) -> bool:
    """Whether a decoder found no memory, however it said so."""
    while error is not None:
        if isinstance(error, MemoryError) or "memory" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


if __name__ == "__main__":
    main()
