"""What the commands about classes share: options, inputs, and sentences about tables."""
