"""The local home: every port kept by one SQLite file."""

from homing.adapters.sqlite.blobs import SqliteBlobs
from homing.adapters.sqlite.database import Database
from homing.adapters.sqlite.store import SqliteStore

__all__ = ["Database", "SqliteBlobs", "SqliteStore"]
