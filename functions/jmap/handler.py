"""JMAP over an API Gateway HTTP API."""

from __future__ import annotations

from typing import Any

from homing.jmap.api import handle
from homing.lambda_shell import Event, run_http


def handler(event: Event, context: Any) -> Event:
    """Answer one request."""
    return run_http(event, handle)
