"""Open the explorer: `python app.py [--model FOLDER_OR_HUB_ID] [--port 7860] …`."""

from __future__ import annotations

import argparse
import gc
import os
import sys
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
    add("--runs", type=Path, default=Path("runs"), help="folder of models trained here")
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


def main(arguments: list[str] | None = None) -> int:
    """Parse, build, launch; returns the exit status."""
    options = build_parser().parse_args(arguments)
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    # Modules make hardly any garbage, and looking for it is a quarter of the start.
    gc.disable()
    from explorer.layout import launch
    from models.adapter import parse_spec
    from models.errors import BadInput

    try:
        if options.adapter and options.model:
            raise BadInput("--model and --adapter both name the model to open: give one of them.")
        if options.adapter:
            parse_spec(options.adapter)
        launch(
            bundled=ROOT / "checkpoints",
            runs=options.runs,
            given=options.adapter or options.model,
            data=options.data,
            device=options.device,
            host=options.host or os.environ.get("GRADIO_SERVER_NAME") or "127.0.0.1",
            port=options.port,
            share=options.share,
            auth=parse_auth(options.auth),
            compile=options.compile,
        )
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    finally:
        gc.enable()
    return 0


if __name__ == "__main__":
    sys.exit(main())
