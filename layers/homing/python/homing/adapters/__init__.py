"""The ports kept: DynamoDB, S3 and OpenSearch, or one SQLite file; SMTP and HTTP outward. Vendor errors end here."""
