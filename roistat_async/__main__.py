"""Run the command line; without its libraries, say how to install them."""

from __future__ import annotations

import sys


def main() -> None:
    """Be `roistat` and `python -m roistat_async`."""
    try:
        from .cli.app import run
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich"):
            raise
        sys.exit("The roistat command needs the extra cli: pip install 'roistat_async[cli]'")
    sys.exit(run())


if __name__ == "__main__":
    main()
