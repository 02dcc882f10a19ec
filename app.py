"""Open the explorer: `python app.py [--model FOLDER_OR_HUB_ID] [--port 7860] …`."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python app.py", description=__doc__)
    add = parser.add_argument
    add("--model", help="a checkpoint folder or Hub id to open beside the bundled models")
    add("--adapter", metavar="FILE.py:CLASS", help="open a model class of your own; runs the file")
    add("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")
    add("--host", help="address to listen on (default: 127.0.0.1, or $GRADIO_SERVER_NAME)")
    add("--port", type=int, help="port (default: the first free one from 7860)")
    add("--share", action="store_true", help="also make a public Gradio link")
    add("--auth", metavar="USER:PASSWORD", help="ask for this login")
    add("--root-path", metavar="PATH", help="path that a proxy serves the page below")
    add(
        "--allowed-host",
        metavar="HOST[:PORT]",
        action="append",
        default=[],
        help="a host that the page has in the browser, if a proxy renames it; may be repeated",
    )
    add("--runs", type=Path, help="folder of models trained here (default: runs)")
    add("--compile", action="store_true", help="compile the networks of a model when it is loaded")
    add("--data", help="data the Train tab offers, as for python -m models.train")
    return parser


def parse_auth(text: str | None) -> tuple[str, str] | None:
    """A user and a password from USER:PASSWORD."""
    from models.errors import BadInput

    if text is None:
        return None
    user, colon, password = text.partition(":")
    if not (user and colon and password):
        raise BadInput("--auth needs USER:PASSWORD, for instance --auth ada:lovelace.")
    return user, password


def own_temporary_files() -> None:
    """See to a folder where Gradio can keep uploads, whose name it reads when it is imported.

    Its own default is one folder for all users of a machine, owned by the first of them.

    Raises:
        BadInput: If the folder in GRADIO_TEMP_DIR cannot be used, or there is none at all.
    """
    from models.errors import BadInput

    named = os.environ.get("GRADIO_TEMP_DIR")
    try:
        folder = Path(tempfile.gettempdir())
    except FileNotFoundError:  # a container with a read-only root has memory at least
        os.environ["TMPDIR"] = "/dev/shm"
        folder = Path("/dev/shm")
    if can_hold_files(Path(named or folder / "gradio")):
        return
    if named or not can_hold_files(folder):
        raise BadInput(
            f"uploads cannot be kept in '{named or folder}': name a folder of yours in "
            "GRADIO_TEMP_DIR."
        )
    os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(prefix="strata-")


def space_hosts() -> list[str]:
    """What a Hugging Face Space is called, which it says to what it runs; nothing elsewhere."""
    return [host for host in os.environ.get("SPACE_HOST", "").split(",") if host.strip()]


def can_hold_files(folder: Path) -> bool:
    """Whether files can be made in a folder, which is made itself if it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


def main(arguments: list[str] | None = None) -> int:
    """Parse, build, launch; returns the exit status."""
    options = build_parser().parse_args(arguments)
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    # Modules make hardly any garbage, and looking for it is a quarter of the start.
    gc.disable()
    from models.errors import BadInput

    try:
        own_temporary_files()
        open_page(options)
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    finally:
        gc.enable()
    return 0


def open_page(options: argparse.Namespace) -> None:
    """Launch what the options ask for.

    Raises:
        BadInput: If an option cannot be used.
    """
    from explorer.guard.proxies import parse_hosts, parse_root_path
    from explorer.serve import Place, launch
    from models.errors import BadInput
    from models.sources.adapter import parse_spec

    if options.adapter and options.model:
        raise BadInput("--model and --adapter both name the model to open: give one of them.")
    if options.adapter:
        parse_spec(options.adapter)
    place = Place(
        host=options.host or os.environ.get("GRADIO_SERVER_NAME") or "127.0.0.1",
        port=options.port,
        share=options.share,
        auth=parse_auth(options.auth),
        root_path=parse_root_path(options.root_path or os.environ.get("GRADIO_ROOT_PATH")),
        hosts=parse_hosts([*options.allowed_host, *space_hosts()]),
    )
    launch(
        bundled=ROOT / "checkpoints",
        runs=options.runs,
        given=options.adapter or options.model,
        data=options.data,
        device=options.device,
        place=place,
        compile=options.compile,
    )


if __name__ == "__main__":
    sys.exit(main())
