"""Runs a JMAP conformance suite (jmapio/jmap-test-suite) that lies in a folder of its own, and says what passed.

    make conformance SUITE=FOLDER [SITE=aws]      a site of our own, made for the run (aws: on emulators of AWS)
    make conformance SUITE=FOLDER URL=... USER=... PASSWORD=... [USER2=... PASSWORD2=...]   any server

The suite empties and fills the first user's account. It is built where it lies (npm), if it is not yet. For
its push tests a stand-in for smee.io listens on this machine (`push_stand_in.mjs`); a server of ours that
is given by its URL must run with HOMING_PUSH_PRIVATE=1 for them. Cross-account tests need a first user who
is let into a second account (`homing user share`). Ends with 0 if every required test passed and none was
skipped, 1 if not, 2 if the suite could not run.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from bench.site_process import PASSWORD, SiteProcess, add_user, run_command
from homing.config import HOMES
from tests.aws_home import Missing, aws_environment
from tests.certificate import write_certificate

STAND_IN: Final = Path(__file__).with_name("push_stand_in.mjs")
FIRST, SECOND, SHARED = "first@example.org", "second@example.org", "shared@example.org"
NODE: Final = 20
WELL_KNOWN: Final = "/.well-known/jmap"
TIMEOUT_MS: Final = 30_000


@dataclass(frozen=True)
class Target:
    """What is tested: a session's URL, logins with their passwords, and what the suite's environment needs."""

    url: str
    users: Sequence[tuple[str, str]]
    environment: dict[str, str]


def main() -> int:
    """Run the suite and print what came of it."""
    arguments = _arguments()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="homing-conformance-")))
        build(arguments.suite)
        target = _given(arguments) if arguments.url else stack.enter_context(own_site(folder, arguments.site))
        report = run(arguments.suite, target, folder, arguments.filter)
    if arguments.report:
        arguments.report.write_text(json.dumps(report, indent=1))
    sys.stdout.write(told(report) + "\n")
    return verdict(report)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", type=Path, required=True, metavar="FOLDER", help="where the suite lies")
    parser.add_argument("--url", default="", help="session URL or origin of a server (default: a site of our own)")
    parser.add_argument("--site", choices=HOMES, default="local", help="where a site of our own is at home")
    parser.add_argument("--user", default="", help="the first user; the password is $PASSWORD")
    parser.add_argument("--user2", default="", help="a user to send mail to; the password is $PASSWORD2")
    parser.add_argument("--filter", default="", help="only tests whose id matches, e.g. 'email-set/*'")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the suite's report (JSON) here")
    return parser.parse_args()


def _given(arguments: argparse.Namespace) -> Target:
    environment = os.environ
    if not (arguments.user and "PASSWORD" in environment):
        _stop("USER and PASSWORD are missing: who signs in at the URL?")
    users = [(arguments.user, environment["PASSWORD"])]
    if arguments.user2:
        users.append((arguments.user2, environment.get("PASSWORD2", environment["PASSWORD"])))
    return Target(_session_url(arguments.url), users, {})


def _session_url(url: str) -> str:
    path = url.split("://", 1)[-1].partition("/")[2]
    return url if path else url.rstrip("/") + WELL_KNOWN


@contextmanager
def own_site(folder: Path, home: str) -> Iterator[Target]:
    """A site in `folder`: a first user, who is let into a shared account, and a second one to send mail to.

    The stand-in speaks https with a certificate that only this site and the suite trust.
    """
    data, certificate = folder / "site", str(write_certificate(folder / "push.pem"))
    data.mkdir()
    with ExitStack() as stack:
        try:
            surroundings = stack.enter_context(_surroundings(home))
            environment = {**surroundings, "HOMING_PUSH_PRIVATE": "1", "SSL_CERT_FILE": certificate}
            for user in (FIRST, SECOND, SHARED):
                add_user(data, user, environment)
            run_command(data, "user", "share", SHARED, FIRST, environment=environment)
            site = SiteProcess(data, environment).start()
        except (Missing, SystemExit) as error:
            _stop(str(error))
        stack.callback(site.stop)
        trusting = {"PUSH_CERTIFICATE": certificate, "NODE_EXTRA_CA_CERTS": certificate}
        yield Target(site.http + WELL_KNOWN, [(FIRST, PASSWORD), (SECOND, PASSWORD)], trusting)


def _surroundings(home: str) -> AbstractContextManager[dict[str, str]]:
    return aws_environment() if home == "aws" else nullcontext({**os.environ, "HOMING_HOME": "local"})


def build(suite: Path) -> None:
    """Install and build the suite where it lies, unless that was done."""
    if not (suite / "package.json").is_file():
        _stop(f"{suite} holds no suite: there is no package.json")
    found = shutil.which("node")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout if found else "v0"
    if int(version.lstrip("v").partition(".")[0]) < NODE or shutil.which("npm") is None:
        _stop(f"the suite needs node {NODE} or newer, with npm")
    for command, product in ((["install", "--no-audit", "--no-fund"], "node_modules"), (["run", "build"], "dist")):
        if not (suite / product).is_dir():
            ended = subprocess.run(["npm", *command], cwd=suite, capture_output=True, text=True, check=False)
            if ended.returncode:
                _stop(f"npm {command[0]} failed in {suite}:\n{ended.stdout}{ended.stderr}")


def run(suite: Path, target: Target, folder: Path, pattern: str) -> dict[str, Any]:
    """The suite's report."""
    names = ("primary", "secondary")
    users = {
        name: {"username": user, "password": word} for name, (user, word) in zip(names, target.users, strict=False)
    }
    config, report = folder / "config.json", folder / "report.json"
    config.touch(mode=0o600)
    config.write_text(
        json.dumps({"sessionUrl": target.url, "users": users, "authMethod": "basic", "timeout": TIMEOUT_MS})
    )
    command = ["node", "--import", STAND_IN.as_uri(), str(suite / "dist" / "cli.js")]
    command += ["-c", str(config), "-f", "-o", str(report), "--fail-only", *(["--filter", pattern] if pattern else [])]
    ended = subprocess.run(command, env={**os.environ, **target.environment}, check=False)
    if not report.is_file():
        _stop(f"the suite ended with {ended.returncode} and without a report")
    found: dict[str, Any] = json.loads(report.read_text())
    return found


def told(report: dict[str, Any]) -> str:
    """What a person wants to know of a report: the counts, and each test that did not pass."""
    results = report["results"]
    lines = [f"\n{report['server']}, {report['timestamp'][:10]}, {report['durationMs'] / 1000:.0f} s"]
    for word, required in (("required", True), ("recommended", False)):
        some = [result for result in results if result["required"] is required]
        counts = ", ".join(f"{_count(some, status)} {name}" for status, name in _STATUSES.items())
        lines.append(f"  {word:<12} {len(some):4}: {counts}")
    lines.append(f"  {'all':<12} {len(results):4}: {_count(results, 'pass')} passed")
    for result in results:
        if result["status"] != "pass":
            word = "" if result["required"] else " (recommended)"
            reason = " ".join(result.get("error", "").split())
            lines.append(f"  {_STATUSES[result['status']]}{word}: {result['testId']}: {reason[:300]}")
    return "\n".join(lines)


_STATUSES: Final = {"pass": "passed", "fail": "failed", "skip": "skipped"}


def _count(results: Sequence[dict[str, Any]], status: str) -> int:
    return sum(result["status"] == status for result in results)


def verdict(report: dict[str, Any]) -> int:
    """0 if each required test was run and passed."""
    return int(any(result["required"] and result["status"] != "pass" for result in report["results"]))


def _stop(reason: str) -> NoReturn:
    sys.stderr.write(f"conformance: {reason}\n")
    raise SystemExit(2)


if __name__ == "__main__":
    sys.exit(main())
