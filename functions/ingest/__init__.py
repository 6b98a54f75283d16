"""The `ingest` function."""
