"""The rule of a verdict: its branches, the numbers that they look at, their sentences, and what contradicts a measurement."""
