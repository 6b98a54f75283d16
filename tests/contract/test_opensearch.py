"""What only OpenSearch needs: indexers that overtake each other, errors of the network, signed requests."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from homing.adapters.no_search import NoSearch
from homing.adapters.opensearch import OpenSearchSearch
from homing.errors import HomingError, Permanent, Temporary
from homing.ports.search import AllOf, Document, Term

from . import search_servers

NOON = 1_795_000_000_000
APPLE = Term(("body",), ("apple",))


@pytest.fixture(params=["osmem", pytest.param("opensearch", marks=pytest.mark.opensearch)], scope="module")
def index(request: pytest.FixtureRequest) -> Iterator[OpenSearchSearch]:
    with search_servers.in_memory() if request.param == "osmem" else search_servers.real() as search:
        yield search


class Overtaken(list[Document]):
    """Documents that are asked for after the account was claimed; then somebody else comes first."""

    def __init__(self, documents: list[Document], meanwhile: Callable[[], object]) -> None:
        super().__init__(documents)
        self._meanwhile = meanwhile

    def __iter__(self) -> Iterator[Document]:
        self._meanwhile()
        return super().__iter__()


def apple(email: str, word: str = "apple") -> Document:
    return Document(email, NOON, {"body": word})


def emails(index: OpenSearchSearch, account: str) -> set[str]:
    return {hit.email for hit in index.query(account, AllOf(()))}


def test_an_indexer_that_was_overtaken_replaces_nothing_and_brings_nothing_back(index: OpenSearchSearch) -> None:
    assert index.apply("u1", 0, 1, [apple("gone"), apple("kept")], ())

    def later() -> None:
        assert index.apply("u1", 1, 5, [apple("kept", "new")], ["gone"])

    assert not index.apply("u1", 1, 3, Overtaken([apple("gone", "old"), apple("kept", "old")], later), ())

    assert index.position("u1") == 5
    assert emails(index, "u1") == {"kept"}
    assert index.count("u1", Term(("body",), ("new",))) == 1
    assert index.count("u1", Term(("body",), ("old",))) == 0


def test_what_an_indexer_left_half_done_the_next_one_does_again(index: OpenSearchSearch) -> None:
    class Killed(Exception):
        pass

    def kill() -> None:
        raise Killed

    with pytest.raises(Killed):
        index.apply("u2", 0, 3, Overtaken([apple("e1")], kill), ())

    assert index.position("u2") == 0
    assert index.apply("u2", 0, 3, [apple("e1")], ["e2"])
    assert emails(index, "u2") == {"e1"}


def test_to_forget_overtakes_an_indexer(index: OpenSearchSearch) -> None:
    assert index.apply("u3", 0, 1, [apple("e1")], ())

    assert not index.apply("u3", 1, 2, Overtaken([apple("e1", "pear")], lambda: index.forget("u3")), ())

    assert index.position("u3") == 0
    assert index.apply("u3", 0, 1, [apple("e1")], ())
    assert emails(index, "u3") == {"e1"}


def test_much_mail_goes_in_several_requests(index: OpenSearchSearch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homing.adapters.opensearch.BULK_BYTES", 500)

    assert index.apply("u4", 0, 1, [apple(f"e{number}") for number in range(30)], ["x", "y"])

    assert index.count("u4", APPLE) == 30


@dataclass
class Answer:
    status: int = 200
    body: str = "{}"
    type: str = "application/json"


@dataclass
class Seen:
    path: str
    headers: dict[str, str]


@dataclass
class Script:
    """What a server says, by the beginning of the path behind the index; and what it was asked."""

    answers: dict[str, Answer] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def server() -> Iterator[Script]:
    script = Script()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            script.seen.append(Seen(self.path, {name.lower(): value for name, value in self.headers.items()}))
            place = self.path.removeprefix("/homing-emails/")
            answer = next((one for path, one in script.answers.items() if place.startswith(path)), Answer(404))
            body = answer.body.encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_DELETE = respond  # noqa: N815  # the library's names

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    script.url = f"http://127.0.0.1:{listening.server_port}"
    thread = Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield script
    listening.shutdown()
    thread.join()
    listening.server_close()


def error(status: int, type: str, reason: str = "because") -> Answer:
    return Answer(status, json.dumps({"error": {"type": type, "reason": reason}, "status": status}))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (error(429, "rejected_execution_exception"), Temporary),
        (error(500, "exception"), Temporary),
        (Answer(503, "<html>busy</html>", "text/html"), Temporary),
        (Answer(504, "", "text/plain"), Temporary),
        (error(403, "x", "The security token included in the request is expired"), Temporary),
        (error(403, "security_exception"), Permanent),
        (error(401, "security_exception"), Permanent),
        (error(400, "parsing_exception"), Permanent),
        (error(500, "search_phase_execution_exception", "too_many_clauses: maxClauseCount is set to 1024"), Permanent),
        (Answer(200, "<html>hello</html>", "text/html"), Permanent),
        (Answer(200, "{half", "application/json"), Permanent),
    ],
    ids=lambda value: f"{value.status} {value.body[:40]}" if isinstance(value, Answer) else value.__name__,
)
def test_an_error_of_a_request_is_temporary_or_permanent(
    server: Script, answer: Answer, expected: type[HomingError]
) -> None:
    server.answers = {"_search": answer, "_count": answer, "_doc": answer}
    search = OpenSearchSearch(server.url)

    for call in (
        lambda: search.position("u1"),
        lambda: search.count("u1", APPLE),
        lambda: next(search.query("u1", APPLE)),
        lambda: search.apply("u1", 0, 1, [apple("e1")], ()),
        lambda: search.forget("u1"),
    ):
        with pytest.raises(expected) as caught:
            call()
        assert type(caught.value) is expected


@pytest.mark.parametrize(("status", "expected"), [(429, Temporary), (503, Temporary), (400, Permanent)])
def test_an_error_of_one_document_is_an_error(server: Script, status: int, expected: type[HomingError]) -> None:
    item = {"index": {"status": status, "error": {"type": "x", "reason": "because"}}}
    server.answers = {
        "_doc": Answer(200, json.dumps({"found": False, "_seq_no": 1, "_primary_term": 1})),
        "_bulk": Answer(200, json.dumps({"errors": True, "items": [item]})),
    }

    with pytest.raises(expected, match="because"):
        OpenSearchSearch(server.url).apply("u1", 0, 1, [apple("e1")], ())


def test_an_index_that_may_not_be_created_is_an_error(server: Script) -> None:
    server.answers = {
        "_doc": error(404, "index_not_found_exception"),
        "/homing-emails": error(400, "illegal_argument_exception", "no such setting"),
    }

    with pytest.raises(Permanent, match="no such setting"):
        OpenSearchSearch(server.url).apply("u1", 0, 1, [apple("e1")], ())


def test_nobody_there_is_temporary() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as taken:
        url = f"http://127.0.0.1:{taken.server_port}"

    with pytest.raises(Temporary, match="could not be reached"):
        OpenSearchSearch(url).position("u1")


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")


@pytest.mark.usefixtures("credentials")
def test_requests_are_signed_where_the_address_says_so(server: Script) -> None:
    server.answers = {"_doc": Answer(200, json.dumps({"found": False}))}

    assert OpenSearchSearch(f"aws+{server.url}").position("u1") == 0

    signed = server.seen[0].headers["authorization"]
    assert signed.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/eu-central-1/es/aws4_request" in signed


def test_user_and_password_of_the_address_are_sent(server: Script) -> None:
    server.answers = {"_doc": Answer(200, json.dumps({"found": False}))}

    assert OpenSearchSearch(server.url.replace("//", "//ann:p%40ss@")).position("u1") == 0

    assert server.seen[0].headers["authorization"] == "Basic YW5uOnBAc3M="


def test_the_client_is_imported_only_when_it_is_used() -> None:
    code = (
        "import sys, homing.adapters.opensearch as o; o.OpenSearchSearch('http://127.0.0.1:1');"
        "print('opensearchpy' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def test_a_site_without_an_index_says_so() -> None:
    search = NoSearch()

    for call in (
        lambda: search.position("u1"),
        lambda: search.apply("u1", 0, 1, (), ()),
        lambda: search.query("u1", APPLE),
        lambda: search.count("u1", APPLE),
        lambda: search.matching("u1", APPLE, ["e1"]),
        lambda: search.forget("u1"),
    ):
        with pytest.raises(HomingError, match="HOMING_SEARCH_URL"):
            call()
