"""What can mislead a verdict, looked for one by one, and further evidence where a user has it."""
