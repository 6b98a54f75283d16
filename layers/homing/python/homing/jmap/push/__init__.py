"""Telling clients what has changed (RFC 8620 §7): which states moved, for whom, and how that is said.

`changes` and `accounts` serve every way of telling. `event_stream` is the event source (§7.3), whose connection a host
holds. `sending`, `endpoint`, `encryption` and `vapid` post to where a client asked for it (§7.2):
`types/push_subscription` is what it sees of that; the connection is the `Notifier` port's.
"""
