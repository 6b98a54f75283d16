"""An AWS home without AWS: MiniStack and osmem-server on free ports of loopback, with a table and a bucket.

MiniStack lies in a virtual environment of its own, since it pins botocore (`make ministack`), and runs as a
process; nothing of it outlives the context. The credentials are made up: nothing here can reach an account.

    python -m tests.aws_home        makes table and bucket as the environment names them
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from osmem_server import OsmemServer

from homing.adapters.dynamodb import DynamoStore
from homing.adapters.s3 import S3Connection
from homing.config import config_from_environment

ROOT: Final = Path(__file__).parents[1]
MINISTACK: Final = ROOT / ".cache" / "ministack" / "bin" / "ministack"
START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 10.0


class Missing(Exception):
    """There is no emulator; says why."""


@contextmanager
def aws_environment(*, search: bool = True) -> Iterator[dict[str, str]]:
    """The environment of a process that is to use an empty AWS home, which ends with the context.

    Raises:
        Missing: MiniStack is not installed, or does not start.
    """
    with ExitStack() as stack:
        environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": stack.enter_context(_ministack()),
            "HOMING_HOME": "aws",
            "HOMING_TABLE": "homing-table",
            "HOMING_BUCKET": "homing-bucket",
        }
        for name in ("AWS_PROFILE", "HOMING_SEARCH_URL"):
            environment.pop(name, None)
        if search:
            server = OsmemServer.start(addr="127.0.0.1:0", japanese=False)
            stack.callback(server.close)
            environment["HOMING_SEARCH_URL"] = server.url
        subprocess.run([sys.executable, "-m", "tests.aws_home"], cwd=ROOT, env=environment, check=True)
        yield environment


@contextmanager
def _ministack() -> Iterator[str]:
    """MiniStack's address."""
    if not MINISTACK.is_file():
        raise Missing("MiniStack is not installed: `make ministack` does that")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "IOT_MTLS_ENABLED": "0"}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [MINISTACK], env={"PATH": os.environ["PATH"], **settings}, stdout=log, stderr=log, cwd=tempfile.gettempdir()
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _until_healthy(process, url)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _until_healthy(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/_ministack/health", timeout=START_SECONDS):  # noqa: S310
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)  # it says nowhere else that it listens
    raise Missing(f"MiniStack did not start; exit code {process.poll()}")


def main() -> None:
    """Make the table and the bucket."""
    config = config_from_environment()
    DynamoStore(config.table).create_table()
    S3Connection().client.create_bucket(Bucket=config.bucket)


if __name__ == "__main__":
    main()
