"""The world: what the ports ask for, given by DynamoDB, SQS, API Gateway, Secrets Manager and Claude."""
