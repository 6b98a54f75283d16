"""Each host imports without the other's packages: a Lambda without listeners, a process without AWS."""

import subprocess
import sys

import pytest

HOST_ONLY = ("apsw", "aiosmtpd", "uvicorn", "uvloop", "httptools", "websockets")
AWS_ONLY = ("boto3", "botocore", "opensearchpy", "pynamodb")

BLOCKED = """
import sys
for name in {blocked!r}:
    sys.modules[name] = None
import {module}
"""


def imports_without(module: str, blocked: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    script = BLOCKED.format(blocked=blocked, module=module)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("function", ["ingest", "task", "jmap", "notify"])
def test_a_function_imports_without_the_packages_of_the_process_host(function: str) -> None:
    result = imports_without(f"functions.{function}.handler, homing.adapters.dynamodb, homing.adapters.s3", HOST_ONLY)

    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("module", ["homing.host.process", "homing.cli.main", "homing.adapters.sqlite"])
def test_the_process_host_imports_without_the_packages_of_aws(module: str) -> None:
    result = imports_without(module, AWS_ONLY)

    assert result.returncode == 0, result.stderr


def test_the_check_itself_notices_a_missing_package() -> None:
    assert imports_without("homing.adapters.sqlite", HOST_ONLY).returncode != 0
