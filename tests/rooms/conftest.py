"""Rooms are tested on a whole site; where it says so, on the AWS adapters as well."""

from __future__ import annotations

from tests.contract.conftest import aws, dynamo

__all__ = ["aws", "dynamo"]
