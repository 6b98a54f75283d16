"""A request as an API Gateway HTTP API sends it to a function (payload format 2.0). Knows no function."""

from __future__ import annotations

import base64
from typing import Any

from homing.host.http_wire import Scope, authority_of, headers_of

Event = dict[str, Any]


def event_of(scope: Scope, body: bytes, number: str) -> Event:
    """The event of a request that the ledger and the log know as `number`."""
    headers = headers_of(scope)
    method = "GET" if scope["method"] == "HEAD" else scope["method"]
    path = scope["raw_path"].decode("latin-1")
    event: Event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": scope["query_string"].decode("latin-1"),
        "headers": headers,
        "requestContext": {
            "domainName": authority_of(scope, headers),
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": (scope["client"] or ("",))[0]},
            "requestId": number,
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }
    return with_body(event, body)


def with_body(event: Event, body: bytes) -> Event:
    """The event, which is altered, with a body: text as it is, anything else in base64."""
    if body:
        try:
            event["body"] = body.decode()
        except UnicodeDecodeError:
            event["body"], event["isBase64Encoded"] = base64.b64encode(body).decode(), True
    return event


def content_of(answer: Event) -> bytes:
    """The body of a function's answer."""
    content = answer["body"]
    return base64.b64decode(content) if answer.get("isBase64Encoded") else content.encode()
