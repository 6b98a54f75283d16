"""Every measurement, one after the other: `make bench`."""

from __future__ import annotations

import platform
import sys

from bench import intake, jmap, parse, store_calls


def main() -> None:
    """Run all; each prints its own table."""
    print(f"Python {platform.python_version()}, {platform.machine()}\n")
    for module in (parse, store_calls, intake, jmap):
        sys.argv = [sys.argv[0]]
        module.main()
        print(flush=True)


if __name__ == "__main__":
    main()
