"""Email (RFC 8621 §4): the declaration. Reading lies in `email_load`, creating in `email_create`, changing in
`email_change`, searching in `email_query` and what is beside it."""

from __future__ import annotations

from typing import Final

from homing.jmap.capabilities import MAIL
from homing.jmap.context import Context, Opened, Step
from homing.jmap.datatype import OPTIONAL, Commit, DataType, Object, Property, SetError, Setting
from homing.jmap.kinds import (
    BOOLEAN,
    ID,
    ID_SET,
    KEYWORD_SET,
    OBJECT,
    STRING,
    UNSIGNED_INT,
    UTC_DATE,
    list_of,
    nullable,
)
from homing.jmap.types.email_change import (
    destroy_email,
    fetch,
    lower_keywords,
    settable,
    shrink_thread,
    update_email,
)
from homing.jmap.types.email_filing import Prepared, file_email
from homing.jmap.types.email_load import load
from homing.jmap.types.email_querying import QUERYING
from homing.jmap.types.email_render import is_header_property

_STRINGS: Final = Property(nullable(list_of(STRING)), immutable=True, default=OPTIONAL)
_ADDRESSES: Final = Property(nullable(list_of(OBJECT)), immutable=True, default=OPTIONAL)
_PARTS: Final = Property(list_of(OBJECT), immutable=True, default=OPTIONAL)

DEFAULT_PROPERTIES: Final = (
    "id blobId threadId mailboxIds keywords size receivedAt messageId inReplyTo references sender from to cc bcc "
    "replyTo subject sentAt hasAttachment preview bodyValues textBody htmlBody attachments"
).split()
"""RFC 8621 §4.2."""


def _prepare(context: Context, view: Opened, arguments: Object, commit: Commit) -> Prepared:
    if not arguments["create"]:
        return {}
    from homing.jmap.types.email_create import prepare  # noqa: PLC0415  # to write messages, which few requests do

    return prepare(context, view, arguments, commit)


def _destroy(step: Step, id: str) -> SetError | None:
    destroy_email(step.draft, id)
    return None


EMAIL: Final = DataType(
    name="Email",
    capability=MAIL,
    properties={
        "id": Property(ID, immutable=True, server_set=True),
        "blobId": Property(ID, immutable=True, server_set=True),
        "threadId": Property(ID, immutable=True, server_set=True),
        "mailboxIds": Property(ID_SET),
        "keywords": Property(KEYWORD_SET, default={}),
        "size": Property(UNSIGNED_INT, immutable=True, server_set=True),
        "receivedAt": Property(UTC_DATE, immutable=True, default=OPTIONAL),
        "messageId": _STRINGS,
        "inReplyTo": _STRINGS,
        "references": _STRINGS,
        "sender": _ADDRESSES,
        "from": _ADDRESSES,
        "to": _ADDRESSES,
        "cc": _ADDRESSES,
        "bcc": _ADDRESSES,
        "replyTo": _ADDRESSES,
        "subject": Property(nullable(STRING), immutable=True, default=OPTIONAL),
        "sentAt": Property(nullable(STRING), immutable=True, default=OPTIONAL),
        "hasAttachment": Property(BOOLEAN, immutable=True, server_set=True),
        "preview": Property(STRING, immutable=True, server_set=True),
        "headers": Property(list_of(OBJECT), immutable=True, server_set=True),
        "bodyStructure": Property(OBJECT, immutable=True, default=OPTIONAL),
        "bodyValues": Property(OBJECT, immutable=True, default=OPTIONAL),
        "textBody": _PARTS,
        "htmlBody": _PARTS,
        "attachments": _PARTS,
    },
    load=load,
    accepts_property=is_header_property,
    default_properties=DEFAULT_PROPERTIES,
    get_arguments={
        "bodyProperties": Property(nullable(list_of(STRING)), default=None),
        "fetchTextBodyValues": Property(BOOLEAN, default=False),
        "fetchHTMLBodyValues": Property(BOOLEAN, default=False),
        "fetchAllBodyValues": Property(BOOLEAN, default=False),
        "maxBodyValueBytes": Property(UNSIGNED_INT, default=0),
    },
    setting=Setting(
        current=settable,
        create=file_email,
        update=update_email,
        destroy=_destroy,
        prefetch=fetch,
        prepare=_prepare,
        patch=lower_keywords,
        shrink=shrink_thread,
    ),
    querying=QUERYING,
)
