"""Who is here: domains, addresses, users, their accounts and credentials. Never sees mail.

Rows of the ledgers `!tenant/<id>`, `!addr/<domain>`, `!site` (tokens) and of each account.
"""
