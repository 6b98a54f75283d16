"""The `notify` function."""
