"""A connection to OpenSearch, and what its errors mean here: `Temporary` or `Permanent`, in one function.

Imported on first use only: opensearch-py takes an eighth of a second. Requests to a domain of AWS are signed
with the credentials that the AWS SDK finds; elsewhere the URL's user and password are sent, if it has them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from opensearchpy import OpenSearch, Urllib3AWSV4SignerAuth
from opensearchpy.exceptions import ConnectionError as NotConnected
from opensearchpy.exceptions import ImproperlyConfigured, OpenSearchException, TransportError

from homing.errors import Permanent, Temporary

TIMEOUT_SECONDS: Final = 30
CONNECTIONS: Final = 16
_AWS_DOMAIN: Final = re.compile(r"\.([a-z0-9-]+)\.(es|aoss)\.amazonaws\.com(?:\.cn)?$")
_EXPIRED: Final = ("token included in the request is expired", "Signature expired")
_TOO_MANY: Final = "too_many_clauses"
"""A query with more words than the domain takes (`indices.query.bool.max_clause_count`): said with status 500."""


class Connection:
    """Requests to one cluster. Safe to use from several threads."""

    def __init__(self, url: str) -> None:
        """`aws+https://host` is signed for the region that the SDK is set to; a name that AWS gave says its own.

        Raises:
            Permanent: the URL makes no sense, or there are no AWS credentials.
        """
        plain = url.removeprefix("aws+")
        signer = _signer(plain, signed=plain != url)
        options: dict[str, Any] = {} if signer is None else {"http_auth": signer}
        try:
            self._client = OpenSearch(
                hosts=[plain.rstrip("/")],
                timeout=TIMEOUT_SECONDS,
                pool_maxsize=CONNECTIONS,
                http_compress=True,
                **options,
            )
        except (ImproperlyConfigured, ValueError) as error:
            raise Permanent("badConfig", "not the address of an OpenSearch", detail=str(error)) from error

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | str | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        accept: Collection[int] = (),
    ) -> dict[str, Any]:
        """The answer as JSON; an error whose HTTP status is in `accept` is an answer, too.

        Raises:
            Temporary: no answer, or one that says to come again later.
            Permanent: any other refusal.
        """
        try:
            answer = self._client.transport.perform_request(
                method,
                path,
                params={**(query or {}), "ignore": tuple(accept)},
                body=body,
                headers={"content-type": "application/x-ndjson"} if isinstance(body, str) else None,
            )
        except OpenSearchException as error:
            raise translate(error) from error
        if not isinstance(answer, dict):
            raise Permanent("searchFailed", "what answered is not OpenSearch", detail=str(answer)[:200])
        return answer


def translate(error: OpenSearchException) -> Temporary | Permanent:
    """The project's error for one of the client's."""
    if isinstance(error, NotConnected):
        return Temporary("searchUnreachable", "the search index could not be reached", detail=str(error))
    if not isinstance(error, TransportError):
        return Permanent("searchFailed", "what answered is not OpenSearch", detail=str(error)[:200])
    status = error.status_code if isinstance(error.status_code, int) else 0
    detail = f"{error.error} {error.info}"[:1_000]
    return refusal(status, detail)


def refusal(status: int, detail: str) -> Temporary | Permanent:
    """What an HTTP status (of a request, or of one of the documents in it) means."""
    expired = status == 403 and any(words in detail for words in _EXPIRED)
    may_pass = status in (408, 429) or status >= 500 or expired
    if may_pass and _TOO_MANY not in detail:
        return Temporary("searchUnavailable", "the search index asks to try again later", status=status, detail=detail)
    return Permanent("searchRefused", "the search index refused the request", status=status, detail=detail)


def _signer(url: str, *, signed: bool) -> Urllib3AWSV4SignerAuth | None:
    host = re.sub(r"^[a-z]+://|[:/].*$", "", url)
    domain = _AWS_DOMAIN.search(host)
    if not (domain or signed):
        return None
    from boto3 import Session  # noqa: PLC0415  # only where requests are signed

    session = Session()
    credentials, region = session.get_credentials(), domain[1] if domain else session.region_name
    if credentials is None or not region:
        raise Permanent("badConfig", "no AWS credentials or region to sign requests to the search index with")
    return Urllib3AWSV4SignerAuth(credentials, region, domain[2] if domain else "es")
