"""Serve one of the designs: `python -m benchmarks.designs NAME --model M --port P`.

With `--leash` the process ends when its standard input does, so that none outlives the
benchmark that started it, however that one ended.
"""

from __future__ import annotations

import argparse
import os

from benchmarks.leash import end_with_input

DESIGNS = ("strata", "naive", "tuned", "bound")
HOST = "127.0.0.1"


def main(arguments: list[str] | None = None) -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.designs", description=__doc__)
    parser.add_argument("design", choices=DESIGNS)
    parser.add_argument("--model", default="fixed", help="fixed, or a bundled model")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--leash", action="store_true", help="end with standard input")
    options = parser.parse_args(arguments)
    if options.leash:
        end_with_input()
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    serve(options.design, options.model, options.port)


def serve(design: str, model: str, port: int) -> None:
    """Serve a design with a model on a port of this machine."""
    from benchmarks.decoder import Decoder, stamped_checkpoint
    from explorer.library.ready import set_threads_for_latency

    set_threads_for_latency()  # as the explorer does
    checkpoint = stamped_checkpoint(model)
    if design == "strata":
        from benchmarks.designs import strata

        strata.serve(checkpoint, HOST, port)
        return
    decoder = Decoder(checkpoint)
    if design == "bound":
        from benchmarks.designs import bound as page
    elif design == "tuned":
        from benchmarks.designs import tuned as page
    else:
        from benchmarks.designs import naive as page
    page.serve(decoder, HOST, port)


if __name__ == "__main__":
    main()
