"""The verbs of RFC 8620 §5, each written once over the declarations in `types/`."""
