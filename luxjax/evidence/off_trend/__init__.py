"""The moments behind the off-trend response, and their bootstrap."""
