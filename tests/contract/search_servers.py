"""Servers that speak OpenSearch, for the contract suite: one in memory, or the one whose address is given.

`SETTING` is the address of a real one (`make opensearch` starts one); what is made there has a name of its
own and is deleted at the end.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from osmem_server import OsmemServer

from homing.adapters.opensearch import OpenSearchSearch

SETTING = "HOMING_TEST_OPENSEARCH_URL"


@contextmanager
def in_memory() -> Iterator[OpenSearchSearch]:
    """On osmem-server, on a free port of loopback; it stops with the context, or with this process."""
    server = OsmemServer.start(addr="127.0.0.1:0", japanese=False)
    try:
        with _index_at(server.url) as search:
            yield search
    finally:
        server.close()


@contextmanager
def real() -> Iterator[OpenSearchSearch]:
    """On the server in `SETTING`; skips where there is none."""
    url = os.environ.get(SETTING, "")
    if not url:
        pytest.skip(f"no real OpenSearch: {SETTING} is not set (`make opensearch` starts one)")
    with _index_at(url) as search:
        yield search


@contextmanager
def _index_at(url: str) -> Iterator[OpenSearchSearch]:
    search = OpenSearchSearch(url, index=f"homing-contract-{uuid.uuid4().hex}")
    yield search
    search.delete_index()
