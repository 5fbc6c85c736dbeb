"""Tables of any library and of files: how they become pandas DataFrames, and which of their columns say what."""
