"""Mail becomes findable: text to tokens, messages to documents, what a user types to expressions, hits to snippets.

One tokenizer serves the index, the queries and the snippets, so what was found is what is marked. `index`
reads the ledger and hands documents to the `Search` port; the rest is pure but for `attachments`, which reads
foreign file formats in a child process. RFC 8621 §4.4.1 (text conditions) and §5 (snippets).
"""
