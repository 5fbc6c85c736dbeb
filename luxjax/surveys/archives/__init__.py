"""Archives of surveys: addresses of files, and their download."""
