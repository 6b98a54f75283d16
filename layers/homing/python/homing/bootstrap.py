"""The only place that names adapters: makes a `Site` for a home. Adapters are imported where chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from homing.adapters.clock import SystemClock, SystemIds
from homing.config import Config
from homing.site import Site

SITE_FILE: Final = "site.db"


def local_site(config: Config, *, durable: bool = True) -> Site:
    """A site in one SQLite file under `config.data`, which is made if it is not there."""
    from homing.adapters.memory import MemoryLandings  # noqa: PLC0415
    from homing.adapters.sqlite import Database, SqliteBlobs, SqliteStore  # noqa: PLC0415

    Path(config.data).mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(Path(config.data) / SITE_FILE, durable=durable)
    return Site(config, SqliteStore(database), SqliteBlobs(database), MemoryLandings(), SystemClock(), SystemIds())


def aws_site(config: Config) -> Site:
    """A site on DynamoDB and S3, as named in `config`; credentials and region as the AWS SDK finds them."""
    from homing.adapters.dynamodb import DynamoStore  # noqa: PLC0415
    from homing.adapters.s3 import S3Blobs, S3Landings  # noqa: PLC0415

    return Site(
        config,
        DynamoStore(config.table),
        S3Blobs(config.bucket),
        S3Landings(config.bucket),
        SystemClock(),
        SystemIds(),
    )
