"""Imports run downward through the rooms; vendors stay behind their walls (contracts in pyproject.toml)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VENDORS = {"apsw", "boto3", "cryptography", "docx", "httpx", "mailparser", "opensearchpy", "pypdf", "Stemmer"}
ENGINES = {"homing.search.tokens", "homing.search.index", "homing.sieve.engine"}
"""What takes long to load, and is loaded by the first who scripts, looks for words, or has mail indexed."""

ORDINARY = """
import base64, json, sys
from pathlib import Path
from homing.bootstrap import local_site
from homing.config import Config
from homing.directory.accounts import create_user
from homing.ledger.entry import Actor
from homing.jmap.api import handle
from homing.jmap.http import Request

site = local_site(Config(data=Path(sys.argv[1])))
account = create_user(site, Actor("test", "test"), "ann@example.org", "a good password").account
credentials = base64.b64encode(b"ann@example.org:a good password").decode()
headers = {"authorization": f"Basic {credentials}", "content-type": "application/json"}
calls = [["Mailbox/get", {"accountId": account}, "0"], ["Email/query", {"accountId": account}, "1"]]
found = {"resultOf": "1", "name": "Email/query", "path": "/ids"}
calls.append(["Email/get", {"accountId": account, "#ids": found}, "2"])
body = json.dumps({"using": ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"], "methodCalls": calls}).encode()
response = handle(site, Request("POST", "/jmap/api", headers, "https://mail.example.org", "", body, "1", ""))
assert b"error" not in response.body, response.body
print(response.status, *sys.modules)
"""


def test_the_import_contracts_are_kept() -> None:
    linter = Path(sys.executable).with_name("lint-imports")

    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("function", "unneeded"),
    [
        ("ingest", {"homing.jmap.api", "homing.message.compose", "argon2", *ENGINES, *VENDORS}),
        ("task", {"homing.jmap.api", "argon2", *ENGINES, *VENDORS}),
        ("jmap", {"homing.message.compose", "homing.submission.attempt", "email", *ENGINES, *VENDORS}),
    ],
)
def test_a_function_imports_nothing_that_its_path_does_not_need(function: str, unneeded: set[str]) -> None:
    code = f"import sys, functions.{function}.handler; print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert unneeded & set(done.stdout.split()) == set()


def test_a_first_ordinary_request_loads_no_engine(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ORDINARY, tmp_path]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    status, *loaded = done.stdout.split()
    assert status == "200"
    assert not ENGINES & set(loaded)
    assert "homing.message.compose" not in loaded
