"""The command line ``luxjax``."""

from ._app import Steps, app, main

__all__ = ["Steps", "app", "main"]
