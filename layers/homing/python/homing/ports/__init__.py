"""What the domain asks of the world: Protocols with their contract in prose, nothing else.

Each port has one contract suite in `tests/contract` that runs against every adapter.
"""
