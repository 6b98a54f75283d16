"""Who is here: domains, addresses, users, their accounts and credentials. Rows of the ledgers
`!tenant/<id>`, `!addr/<domain>` and of each account. Never sees mail."""
