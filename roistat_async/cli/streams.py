"""Standard streams: closed ones, and characters that they cannot encode."""

from __future__ import annotations

import os
import sys
from contextlib import suppress


def prepare_streams() -> None:
    """Replace missing streams, and replace characters that a stream cannot encode.

    A stream is None if it was closed at the start (`>&-`) or if there is no console (pythonw). Its
    descriptor is then free, and the next file to be opened, a database for example, would get it.
    """
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or stream.closed:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))  # noqa: SIM115  # open as long as the program
        elif reconfigure := getattr(stream, "reconfigure", None):
            with suppress(OSError, ValueError):
                reconfigure(errors="replace")


def discard_stdout() -> None:
    """Redirect stdout, so that Python does not write the rest of its buffer at exit."""
    with suppress(OSError, ValueError):
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
        os.close(devnull)
