"""Every measurement, one after the other: `make bench`, or with real mail `make bench CORPUS=FOLDER`."""

from __future__ import annotations

import platform
import sys

from bench import fairness, intake, jmap, parse, store_calls


def main() -> None:
    """Run all; each prints its own table."""
    print(f"Python {platform.python_version()}, {platform.machine()}\n")
    corpus = sys.argv[1:]
    folders = [f"--corpus={path}" for path in corpus]
    for module, arguments in ((parse, corpus), (store_calls, []), (intake, folders), (jmap, []), (fairness, [])):
        sys.argv = [sys.argv[0], *arguments]
        module.main()
        print(flush=True)


if __name__ == "__main__":
    main()
