"""``python -m luxjax`` is the command ``luxjax``."""

from .cli import main

main()
