from __future__ import annotations

import pytest

from homing.message.parameters import MAX_PARAMETERS, parse_value

CASES = [
    (b' Text/Plain; Charset="UTF-8"', "text/plain", {"charset": "UTF-8"}),
    (b"text/plain;charset=utf-8;format=flowed", "text/plain", {"charset": "utf-8", "format": "flowed"}),
    (b"text/plain (comment); charset=us-ascii (Plain text)", "text/plain", {"charset": "us-ascii"}),
    (b"text/plain charset=utf-8", "text/plain", {"charset": "utf-8"}),
    (b'multipart/mixed;\r\n\tboundary="a; b\\"c"', "multipart/mixed", {"boundary": 'a; b"c'}),
    (b"attachment; filename=my report.pdf", "attachment", {"filename": "my report.pdf"}),
    (b'attachment; filename="open.pdf', "attachment", {"filename": "open.pdf"}),
    (b"attachment; filename*=utf-8'en'%e2%82%ac%20rates", "attachment", {"filename": "€ rates"}),
    (b"attachment; filename*=iso-8859-1''caf%E9", "attachment", {"filename": "café"}),
    (b'attachment; filename*1*=%C3%BC.txt; filename*0="f"', "attachment", {"filename": "fü.txt"}),
    (
        b"attachment; filename*0*=koi8-r''%F0%D2; filename*1*=%C9; filename*2=.txt",
        "attachment",
        {"filename": "При.txt"},
    ),
    (b"attachment; filename=plain.txt; filename*=utf-8''b%C3%A9tter.txt", "attachment", {"filename": "bétter.txt"}),
    (b"attachment; filename*=nonsense", "attachment", {"filename": "nonsense"}),
    (b"attachment; filename*=x-unknown''%C3%BC", "attachment", {"filename": "ü"}),
    (b'attachment; filename="=?utf-8?q?=C3=BC.txt?="', "attachment", {"filename": "ü.txt"}),
    ('attachment; filename="ü.txt"'.encode(), "attachment", {"filename": "ü.txt"}),
    (b'attachment; filename="\xfc.txt"', "attachment", {"filename": "ü.txt"}),
    (b"text/plain; name=a; name=b", "text/plain", {"name": "a"}),
    (b";;; ; a=b ;; c ; d=e;", "", {"a": "b", "d": "e"}),
    (b"", "", {}),
]


@pytest.mark.parametrize(("value", "main", "parameters"), CASES)
def test_a_value_and_its_parameters_are_read(value: bytes, main: str, parameters: dict[str, str]) -> None:
    assert parse_value(value) == (main, parameters)


def test_no_more_parameters_are_read_than_the_limit() -> None:
    value = b"text/plain" + b"".join(b"; p%d=x" % number for number in range(MAX_PARAMETERS * 2))

    assert len(parse_value(value)[1]) == MAX_PARAMETERS
