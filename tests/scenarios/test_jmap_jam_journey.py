"""A JMAP client that we did not write (jmap-jam, npm) works with the mail of two users.

It is fetched once into `.cache/` beside the project, and needs node 20 or newer with npm; without them, or
without a registry, the test is skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from homing.directory.accounts import User
from homing.directory.credentials import Identity, create_token
from homing.ledger.entry import Actor
from tests.mail import message
from tests.scenarios.serving import LOGIN, OTHER, Running

VERSION: Final = "0.13.1"
CACHE: Final = Path(__file__).parents[2] / ".cache" / f"jmap-jam-{VERSION}"
CLIENT: Final = CACHE / "node_modules" / "jmap-jam" / "dist" / "index.js"
JOURNEY: Final = Path(__file__).with_name("jmap_jam_journey.mjs")
NODE: Final = 20


@pytest.fixture(scope="session")
def client() -> Path:
    """The client's module."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not here")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").partition(".")[0]) < NODE:
        pytest.skip(f"node is {version.strip()}, older than {NODE}")
    if not CLIENT.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(CACHE), f"jmap-jam@{VERSION}"]
        ended = subprocess.run(command, cwd=CACHE, capture_output=True, text=True, check=False, timeout=120)
        if ended.returncode:
            pytest.skip(f"npm could not fetch jmap-jam: {ended.stderr.strip().splitlines()[-1:]}")
    return CLIENT


def test_jmap_jam_reads_flags_searches_and_sends(running: Running, other_user: User, client: Path) -> None:
    with running.lmtp() as lmtp:
        for subject in ("one", "two", "three"):
            lmtp.sendmail("bea@sender.example", [LOGIN], message(subject, message_id=f"{subject}@x"))
    settings = {
        "client": client.as_uri(),
        "sessionUrl": f"{running.url}/.well-known/jmap",
        "ann": {"address": LOGIN, "token": token(running, LOGIN, running.user.account)},
        "bob": {"address": OTHER, "token": token(running, OTHER, other_user.account)},
    }

    ended = subprocess.run(
        ["node", "--test-reporter=spec", str(JOURNEY)],
        env={**os.environ, "JOURNEY": json.dumps(settings)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "fail 0" in ended.stdout


def token(running: Running, login: str, account: str) -> str:
    return create_token(running.home.site, Actor("tester", "test"), Identity(login, account))
