"""The ports kept: DynamoDB and S3, and one SQLite file. Vendor errors end here."""
