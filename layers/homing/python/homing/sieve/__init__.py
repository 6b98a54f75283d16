"""The Sieve engine (RFC 5228): scripts to programs, and programs on messages to actions. Pure.

No store, no clock, no network: what a script may know comes in with `Environment`, what it wants comes out as
a `Result`, and somebody else does it.

**For who keeps scripts** (SieveScript, RFC 9661):

    script = compile_script(text)           # raises SieveError: line, column, description (a sentence)
    script.extensions                       # those it requires, sorted

`SieveError.type` is "invalidSieve", the SetError of RFC 9661 §2.4; `str(error)` is its description, place and
sentence. For the capability object (§1.2.1): `SUPPORTED` (sieveExtensions), `MAX_SCRIPT` (maxSizeScript, octets),
`MAX_REDIRECTS` (maxNumberRedirects); notificationMethods and externalLists are null, as neither extension is here.
These are all that importing this package loads; everything else is in `homing.sieve.engine`, so that who only tells
what there is does not pay for it.
Compiling costs time linear in the script; a `Script` is frozen and may be kept and shared between threads.

**For who delivers mail**:

    result = run(script, Mail(message, mail_from, rcpt_to), Environment(now=..., addresses=..., ...))
    for action in result.actions: ...       # Keep | FileInto | Redirect | Reject | Vacation
    result.remember                         # ids that `Environment.seen` must know until they expire
    result.error, result.notes              # for the owner, for the trace

`run` raises only what the callbacks of the environment raise. Its actions are complete: the implicit keep is one
of them if it is due; none at all means discard. After an error there is the implicit keep and nothing else.
What is left to do: find mailboxes by name (a `FileInto` whose mailbox is not there and not to be created goes to
the inbox), file once in each, send on, refuse, and answer unless `Vacation.tracking_id` is remembered.
`keywords_of(flags)` gives JMAP keywords. `withhold_reply` and `reply_subject` serve other automatic answers too.

Extensions: body, comparator-i;ascii-numeric (RFC 4790), copy, date and index (RFC 5260), duplicate (RFC 7352),
encoded-character, envelope, environment (RFC 5183), ereject and reject (RFC 5429), fileinto, ihave (RFC 5463),
imap4flags (RFC 5232), mailbox (RFC 5490), relational (RFC 5231), special-use (RFC 8579), subaddress (RFC 5233),
vacation (RFC 5230), vacation-seconds (RFC 6131), variables (RFC 5229).
"""

from homing.sieve.extensions import SUPPORTED
from homing.sieve.limits import MAX_REDIRECTS, MAX_SCRIPT

__all__ = ["MAX_REDIRECTS", "MAX_SCRIPT", "SUPPORTED"]
