"""Push to where a client asked for it (RFC 8620 §7.2): what is posted, how it is sealed, and to whom.

`types/push_subscription` is what a client sees of it; the connection is the `Notifier` port's.
"""
