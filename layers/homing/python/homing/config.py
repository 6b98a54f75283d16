"""Configuration of a site. The one module that reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from homing.errors import Permanent

MEGABYTE = 1_000_000
HOMES: Final = ("local", "aws")


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
    max_delayed_send: int = 30 * 24 * 3_600
    max_recipients_per_hour: int = 5_000
    undo_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of a whole site.

    `base_url` is what the JMAP session's absolute URLs begin with; empty means: as the client addressed us.
    `home` is one of `HOMES`; `data` is the folder of the local one; `table`, `bucket` and `search_url`
    (OpenSearch) name what the AWS home consists of. `next_hop` is the SMTP relay for mail to others, as
    host:port; without one there is no way out. `push_private` lets push go to http and to private addresses,
    too: for closed networks. `tls_certificate` and `tls_key` are PEM files with which the process host speaks
    TLS itself.
    """

    hostname: str = "localhost"
    base_url: str = ""
    home: str = "local"
    data: Path = field(default_factory=lambda: Path("data"))
    table: str = "homing"
    bucket: str = "homing"
    next_hop: str = ""
    search_url: str = ""
    push_private: bool = False
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    limits: Limits = field(default_factory=Limits)


def config_from_environment(environment: Mapping[str, str] | None = None) -> Config:
    """Read `HOMING_HOSTNAME`, `HOMING_BASE_URL`, `HOMING_HOME`, `HOMING_DATA`, `HOMING_TABLE`, `HOMING_BUCKET`,
    `HOMING_NEXT_HOP`, `HOMING_SEARCH_URL`, `HOMING_PUSH_PRIVATE`, `HOMING_TLS_CERTIFICATE`, `HOMING_TLS_KEY`.

    Raises:
        Permanent: a base URL that is not http or https, a home that is none of ours, a next hop that is not host:port.
    """
    values = os.environ if environment is None else environment
    return Config(
        hostname=values.get("HOMING_HOSTNAME", "localhost"),
        base_url=parse_base_url(values.get("HOMING_BASE_URL", ""), "HOMING_BASE_URL"),
        home=_parse_home(values.get("HOMING_HOME", "local")),
        data=Path(values.get("HOMING_DATA", "data")),
        table=values.get("HOMING_TABLE", "homing"),
        bucket=values.get("HOMING_BUCKET", "homing"),
        next_hop=_parse_next_hop(values.get("HOMING_NEXT_HOP", "")),
        search_url=values.get("HOMING_SEARCH_URL", ""),
        push_private=values.get("HOMING_PUSH_PRIVATE", "") == "1",
        tls_certificate=_path(values.get("HOMING_TLS_CERTIFICATE", "")),
        tls_key=_path(values.get("HOMING_TLS_KEY", "")),
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


def _path(text: str) -> Path | None:
    return Path(text) if text else None


def _parse_home(text: str) -> str:
    if text not in HOMES:
        raise Permanent("badConfig", f"HOMING_HOME must be one of {', '.join(HOMES)}", value=text)
    return text


def _parse_next_hop(text: str) -> str:
    host, _, port = text.rpartition(":")
    if text and not (host and port.isdecimal() and 0 < int(port) < 65_536):
        raise Permanent("badConfig", "HOMING_NEXT_HOP must be host:port", value=text)
    return text
