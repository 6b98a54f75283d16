"""Mail in: from a landed message to an email in each recipient's account, each exactly once."""
