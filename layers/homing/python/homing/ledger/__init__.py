"""Every change is an entry of a hash-chained ledger, written with the rows that it changes.

`view` reads; `transact` decides and commits; `apply` says which rows an entry writes; `changes` answers what changed
since a position; `replay` and `verify` prove that the rows are what the entries say; `tasks` is the
outbox. This room knows rows and positions, not protocols.
"""
