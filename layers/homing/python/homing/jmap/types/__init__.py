"""The nouns: one module a data type, each a declaration and its hooks."""
