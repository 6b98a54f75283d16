"""The `jmap` function."""
