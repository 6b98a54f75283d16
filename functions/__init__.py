"""The entry points: one folder a Lambda function. The process host runs the same handlers."""
