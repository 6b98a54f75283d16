"""Writes the `.json` beside each `.eml` of this folder: run `python -m tests.golden.refresh` and review the diff."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from homing import message
from homing.message.provenance import provenance

GOLDEN = Path(__file__).parent
MAX_TEXT = 400
_FORMS = {
    "from": message.as_grouped_addresses,
    "to": message.as_grouped_addresses,
    "cc": message.as_grouped_addresses,
    "subject": message.as_text,
    "date": message.as_date,
    "references": message.as_message_ids,
    "list-unsubscribe": message.as_urls,
}


def cases() -> list[Path]:
    """Every message that has, or shall have, its expectation beside it."""
    return sorted(GOLDEN.rglob("*.eml"))


def expectation(raw: bytes) -> dict[str, Any]:
    """What Homing makes of a message: record, header forms, body texts, provenance."""
    parsed = message.parse(raw)
    bodies = parsed.bodies
    forms = {name: form(value) for name, form in _FORMS.items() if (value := parsed.header(name)) is not None}
    return {
        "record": message.describe(parsed),
        "headers": [header.name for header in parsed.headers],
        "forms": forms,
        "baseSubject": message.base_subject(parsed.subject or ""),
        "text": [_text(raw, part) for part in bodies.text],
        "html": [_text(raw, part) for part in bodies.html],
        "attachments": [part.part_id for part in bodies.attachments],
        "provenance": provenance(parsed),
    }


def _text(raw: bytes, part: message.Part) -> list[Any]:
    content, bad_encoding = message.decode_content(raw[part.body : part.end], part.encoding)
    text, bad_charset = message.decode_text(content, part.charset)
    return [part.part_id, text[:MAX_TEXT], bad_encoding or bad_charset]


def main() -> None:
    for path in cases():
        text = json.dumps(expectation(path.read_bytes()), indent=1, ensure_ascii=False, sort_keys=True)
        path.with_suffix(".json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
