"""The `index` function."""
