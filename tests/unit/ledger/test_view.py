"""Views: rows of one partition, each read once, what has expired counted as gone."""

from __future__ import annotations

from collections.abc import Callable

from homing.ledger import keys
from homing.ledger.rows import Head
from homing.ledger.view import View
from homing.ports.store import Batch, Put, Row
from homing.site import Site
from tests.doubles import CountingStore

Write = Callable[..., None]


def test_an_empty_partition_has_an_empty_head(site: Site) -> None:
    assert View(site.store, "a1", 0).head == Head()


def test_each_row_is_read_once(site: Site, write: Write) -> None:
    write(lambda draft: draft.create("Thing", "a", {"n": 1}))
    store = CountingStore(site.store)
    view = View(store, "a1", 0)

    for _ in range(3):
        view.load([keys.HEAD, keys.object_key("Thing", "a"), keys.object_key("Thing", "b")])
        assert view.objects("Thing", ["a", "b", "a"]) == {"a": {"n": 1}}
        assert view.head.seq == 1

    assert store.calls.as_dict() == {"get": 1, "get_many": 1}


def test_the_head_is_read_before_the_rows(site: Site, write: Write) -> None:
    order: list[str] = []

    class Ordered(CountingStore):
        def get(self, partition: str, key: str) -> Row | None:
            order.append(key)
            return super().get(partition, key)

        def get_many(self, wanted):
            order.append("rows")
            return super().get_many(wanted)

    View(Ordered(site.store), "a1", 0).load([keys.object_key("Thing", "a"), keys.HEAD])

    assert order == [keys.HEAD, "rows"]


def test_all_objects_come_in_the_order_of_their_ids(site: Site, write: Write) -> None:
    for id in "cab":
        write(lambda draft, id=id: draft.create("Thing", id, {"id": id}))
    write(lambda draft: draft.create("Thingamajig", "x", {}))

    assert list(View(site.store, "a1", 0).all_objects("Thing")) == ["a", "b", "c"]


def test_a_row_that_has_expired_is_gone_though_it_is_still_there(site: Site) -> None:
    site.store.commit(Batch((Put(Row("a1", "b/x", b"{}", 1, expires=100)),)))

    assert View(site.store, "a1", 99_999).body("b/x") == {}
    assert View(site.store, "a1", 100_000).body("b/x") is None
