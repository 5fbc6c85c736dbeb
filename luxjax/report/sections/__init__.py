"""The sections of the pages: each is a function of the run."""
