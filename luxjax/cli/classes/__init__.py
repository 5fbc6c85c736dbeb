"""What the commands about classes share: options of tables, and their sentences."""
