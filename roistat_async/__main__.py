"""Entry point of the command line; explains how to install its libraries if they are missing."""

from __future__ import annotations

import sys
from importlib.util import find_spec


def main() -> None:
    """Run `roistat` or `python -m roistat_async`."""
    # The commands import rich late, so it is checked here, before any of them does something.
    if find_spec("click") is None or find_spec("rich") is None:
        message = "The roistat command needs the extra cli: pip install 'roistat_async[cli]'"
        if sys.stderr is not None:  # it is None if it was closed at the start
            sys.stderr.write(f"{message}\n")
        sys.exit(2)
    try:
        from .cli.app import run
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(run())


if __name__ == "__main__":
    main()
