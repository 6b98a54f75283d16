"""JMAP (RFC 8620, RFC 8621): types are declarations, each method is written once over them.

`api` is the door, `http` what passes through it; `request` reads, `dispatch` calls, `methods/` are the verbs,
`types/` the nouns, of which `catalogue` is the list; `push/` tells what has changed.
This room never sees HTTP servers, event formats or vendors.
"""
