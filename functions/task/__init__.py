"""The `task` function."""
