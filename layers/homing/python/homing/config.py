"""Configuration of a site. The one module that reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from homing.errors import Permanent

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Figures that a client can run into; the JMAP session names them (RFC 8620 §2, RFC 8621 §1.3.1)."""

    max_message_bytes: int = 40 * 1_024 * 1_024
    max_recipients: int = 1_000
    max_size_upload: int = 50 * MEGABYTE
    max_concurrent_upload: int = 4
    max_size_request: int = 10 * MEGABYTE
    max_concurrent_requests: int = 8
    max_calls_in_request: int = 32
    max_objects_in_get: int = 1_000
    max_objects_in_set: int = 1_000
    max_mailboxes_per_email: int = 16
    max_keywords_per_email: int = 64
    max_mailbox_depth: int = 10
    max_size_mailbox_name: int = 255
    max_size_attachments_per_email: int = 50 * MEGABYTE
    max_thread_emails: int = 100
    max_bytes_in_get: int = 100 * MEGABYTE


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of a whole site.

    `base_url` is what the JMAP session's absolute URLs begin with; empty means: as the client
    addressed us. `data` is the folder of the local home; `table` and `bucket` name the AWS home's.
    """

    hostname: str = "localhost"
    base_url: str = ""
    data: Path = field(default_factory=lambda: Path("data"))
    table: str = "homing"
    bucket: str = "homing"
    limits: Limits = field(default_factory=Limits)


def config_from_environment(environment: Mapping[str, str] | None = None) -> Config:
    """Read `HOMING_HOSTNAME`, `HOMING_BASE_URL`, `HOMING_DATA`, `HOMING_TABLE`, `HOMING_BUCKET`.

    Raises:
        Permanent: a base URL that is not http or https.
    """
    values = os.environ if environment is None else environment
    return Config(
        hostname=values.get("HOMING_HOSTNAME", "localhost"),
        base_url=parse_base_url(values.get("HOMING_BASE_URL", ""), "HOMING_BASE_URL"),
        data=Path(values.get("HOMING_DATA", "data")),
        table=values.get("HOMING_TABLE", "homing"),
        bucket=values.get("HOMING_BUCKET", "homing"),
    )


def parse_base_url(text: str, setting: str) -> str:
    """A base URL without its final slash; `setting` is what the person who gave it calls it. "" is none.

    Raises:
        Permanent: it is not http or https.
    """
    base_url = text.rstrip("/")
    if base_url and not base_url.startswith(("http://", "https://")):
        raise Permanent("badConfig", f"{setting} must begin with https:// or http://", value=base_url)
    return base_url
