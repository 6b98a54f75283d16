"""Bytes and a charset label to text: tolerant of wrong labels, never raising, never giving what JSON cannot carry.

Only codecs on a list of our own are reachable from a label, since Python knows codecs that are no
charsets (`unicode_escape`, `punycode`, `idna`). Where mail software says a narrow charset and means the
wider one that its platform used (WHATWG Encoding, "names and labels"), the wider one is taken.
Knows nothing of headers or MIME. Serves RFC 8621 §4.1.2 and §4.1.4 (`isEncodingProblem`), RFC 7493 §2.1.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache
from typing import Final

from homing.message.iso2022jp import decode_iso2022_jp

_WIDER: Final = {
    "ascii": "ascii",
    "iso8859-1": "cp1252",
    "latin-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "hz": "hz",
    "euc_kr": "cp949",
    "johab": "johab",
    "shift_jis": "cp932",
    "big5": "big5hkscs",
    "cp950": "big5hkscs",
    "iso2022_jp_1": "iso2022_jp",
    "iso2022_jp_ext": "iso2022_jp",
}
_AS_THEY_ARE: Final = frozenset(
    {
        "utf-8", "utf-7", "utf-16", "utf-16-be", "utf-16-le", "utf-32", "utf-32-be", "utf-32-le", "cp1250",
        "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp437", "cp720", "cp737",
        "cp775", "cp850", "cp852", "cp855", "cp856", "cp857", "cp858", "cp860", "cp861", "cp862", "cp863", "cp864",
        "cp865", "cp866", "cp869", "cp874", "cp932", "cp949", "cp1125", "cp037", "cp500", "cp1140", "iso8859-2",
        "iso8859-3", "iso8859-4", "iso8859-5", "iso8859-6", "iso8859-7", "iso8859-8", "iso8859-10", "iso8859-13",
        "iso8859-14", "iso8859-15", "iso8859-16", "koi8-r", "koi8-u", "koi8-t", "kz1048", "ptcp154", "mac-roman",
        "mac-cyrillic", "mac-greek", "mac-turkish", "mac-latin2", "mac-iceland", "gb18030", "big5hkscs", "euc_jp",
        "euc_jis_2004", "euc_jisx0213", "shift_jis_2004", "shift_jisx0213", "iso2022_jp", "iso2022_jp_2",
        "iso2022_jp_2004", "iso2022_jp_3", "iso2022_kr",
    }
)  # fmt: skip
_ALIASES: Final = {
    "unicode-1-1-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "x-unicode-2-0-utf-7": "utf-7",
    "utf-8mb4": "utf-8",
    "iso-8859-8-i": "iso8859-8",
    "iso-8859-8-e": "iso8859-8",
    "iso-8859-6-i": "iso8859-6",
    "x-sjis": "cp932",
    "x-ms-cp932": "cp932",
    "windows-31j": "cp932",
    "cp943": "cp932",
    "cseucpkdfmtjapanese": "euc_jp",
    "x-euc-jp": "euc_jp",
    "cp50220": "iso2022_jp",
    "cp50221": "iso2022_jp",
    "cp50222": "iso2022_jp",
    "x-gbk": "gb18030",
    "x-euc-cn": "gb18030",
    "cn-gb": "gb18030",
    "gb-2312-80": "gb18030",
    "hz-gb-2312": "hz",
    "x-big5": "big5hkscs",
    "cn-big5": "big5hkscs",
    "big5-hkscs": "big5hkscs",
    "ks-c-5601": "cp949",
    "ks-c-5601-1987": "cp949",
    "ks-c-5601-1989": "cp949",
    "ksc5601": "cp949",
    "korean": "cp949",
    "windows-949": "cp949",
    "windows-874": "cp874",
    "x-windows-949": "cp949",
    "macintosh": "mac-roman",
    "x-mac-roman": "mac-roman",
    "x-mac-cyrillic": "mac-cyrillic",
    "x-mac-ce": "mac-latin2",
    "x-user-defined": "cp1252",
    "ansi-x3.4-1968": "ascii",
    "ansi-x3.110-1983": "cp1252",
    "iso-8859": "cp1252",
    "iso8859": "cp1252",
    "x-ansi": "cp1252",
    "ansi": "cp1252",
    "default": "ascii",
    "unknown-8bit": "ascii",
    "x-unknown": "ascii",
    "unknown": "ascii",
    "8bit": "ascii",
    "7bit": "ascii",
}
MAX_LABEL: Final = 60
"""No charset has a longer name (RFC 2978 §2.3 allows 40)."""

_ODD_LABEL: Final = re.compile(r"[^a-z0-9.+]+")
_UNFIT: Final = re.compile(
    "[\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
    + "".join(chr(plane * 0x10000 + last) for plane in range(1, 17) for last in (0xFFFE, 0xFFFF))
    + "]"
)


def clean(text: str) -> str:
    """`text` without NUL, with U+FFFD for lone surrogates and noncharacters (RFC 7493 §2.1)."""
    if "\0" in text:
        text = text.replace("\0", "")
    return text if text.isascii() or _is_fit(text) else _UNFIT.sub("\ufffd", text)


def _is_fit(text: str) -> bool:
    """Whether surely nothing needs replacing: fifty times as fast as the pattern. Noncharacters are found by
    what their UTF-8 begins (U+FDD0 on) or ends with (U+FFFE and U+FFFF of each plane)."""
    try:
        octets = text.encode()
    except UnicodeEncodeError:
        return False
    return b"\xef\xb7" not in octets and b"\xbf\xbe" not in octets and b"\xbf\xbf" not in octets


@lru_cache(maxsize=512)
def codec_for(label: str) -> str | None:
    """The Python codec to use for a charset label, or None if the label means nothing to us."""
    name = _ODD_LABEL.sub("-", label[: MAX_LABEL + 1].strip().lower()).strip("-")
    if not name or len(name) > MAX_LABEL:
        return None
    if name in _ALIASES:
        return _ALIASES[name]
    for spelling in (name, name.removeprefix("x-"), name.removeprefix("cs"), name.replace("windows-", "cp")):
        try:
            found = codecs.lookup(spelling).name
        except (LookupError, ValueError):
            continue
        if found in _WIDER:
            return _WIDER[found]
        if found in _AS_THEY_ARE:
            return found
    return None


def decode_unlabelled(content: bytes) -> str:
    """Text of no stated charset: UTF-8 where it is valid, else windows-1252, else ISO 8859-1. Not cleaned."""
    for codec in ("utf-8", "cp1252"):
        try:
            return content.decode(codec)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")


def decode_charset(content: bytes, charset: str | None) -> tuple[str, bool]:
    """(text, whether anything was guessed or lost). Line ends are kept, the text is `clean`."""
    codec = codec_for(charset) if charset else "ascii"
    if codec is None:
        return clean(decode_unlabelled(content)), True
    if codec in ("ascii", "utf-8"):
        return _decode_utf8(content, labelled=codec == "utf-8")
    text, problem = _decode_with(content, codec)
    return clean(text), problem


def decode_text(content: bytes, charset: str | None) -> tuple[str, bool]:
    """The value of a text body (RFC 8621 §4.1.4, EmailBodyValue) and its `isEncodingProblem`.

    `content` is transfer-decoded. CRLF becomes LF. Under us-ascii or no charset at all, 8-bit text that is
    valid UTF-8 is read as that without complaint; an unknown charset, bytes that the charset does not have,
    or a guess other than UTF-8 is a problem.
    """
    text, problem = decode_charset(content, charset)
    return text.replace("\r\n", "\n"), problem


def _decode_utf8(content: bytes, *, labelled: bool) -> tuple[str, bool]:
    try:
        return clean(content.decode("utf-8").removeprefix("\ufeff")), False
    except UnicodeDecodeError:
        pass
    if labelled and _mostly_utf8(content):
        return clean(content.decode("utf-8", "replace").removeprefix("\ufeff")), True
    return clean(decode_unlabelled(content)), True


def _mostly_utf8(content: bytes) -> bool:
    """Damaged UTF-8 rather than another charset: valid multi-byte characters outnumber the broken bytes."""
    text = content.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    return len(content) - len(text) > broken


def _decode_with(content: bytes, codec: str) -> tuple[str, bool]:
    if codec == "iso2022_jp":
        return decode_iso2022_jp(content)
    if codec == "utf-16" and content[:2] not in (codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE):
        codec = "utf-16-be"  # RFC 2781 §4.3
    try:
        return content.decode(codec), False
    except UnicodeDecodeError:
        pass
    if not content.isascii():
        try:  # the commonest wrong label is any label on UTF-8
            return content.decode("utf-8"), True
        except UnicodeDecodeError:
            pass
    return content.decode(codec, "replace"), True
