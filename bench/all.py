"""Every measurement, one after the other: `make bench`, or with real mail `make bench CORPUS=FOLDER`."""

from __future__ import annotations

import platform
import sys

from bench import fairness, intake, jmap, parse, search, store_calls


def main() -> None:
    """Run all; each prints its own table."""
    print(f"Python {platform.python_version()}, {platform.machine()}\n")
    corpus = sys.argv[1:]
    folders = [f"--corpus={path}" for path in corpus]
    nothing: list[str] = []
    on_mail = ((parse, corpus), (intake, folders))
    on_sites = ((store_calls, nothing), (jmap, nothing), (search, nothing), (fairness, nothing))
    for module, arguments in (*on_mail, *on_sites):
        sys.argv = [sys.argv[0], *arguments]
        module.main()
        print(flush=True)


if __name__ == "__main__":
    main()
