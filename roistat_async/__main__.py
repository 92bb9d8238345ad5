"""Entry point of the command line; names the extra to install if it is missing."""

from __future__ import annotations

import sys
from importlib.util import find_spec


def main() -> None:
    """Run `roistat` or `python -m roistat_async`."""
    # The commands import rich late. Checking here reports it missing before any work is done.
    if find_spec("click") is None or find_spec("rich") is None:
        message = "The roistat command needs the extra cli: pip install 'roistat_async[cli]'"
        sys.stderr.write(f"{message}\n")
        sys.exit(2)
    try:
        from .cli.app import run
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(run())


if __name__ == "__main__":
    main()
