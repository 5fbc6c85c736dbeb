"""Where the program begins: from here on an interrupt is quiet, even while libraries are being loaded."""

import os
import signal
import sys

__all__ = ["main"]


def main() -> None:
    """The program ``luxjax``; turns bad input and errors of the system into a sentence."""
    loading = _quiet_while_loading()
    from ._app import main as program

    if loading:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    program()


def _quiet_while_loading() -> bool:
    """End at an interrupt as long as nothing has begun; False where the interrupt is somebody else's."""
    try:
        if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            return False
        signal.signal(signal.SIGINT, _leave)
    except ValueError:  # not the main thread
        return False
    return True


def _leave(*_: object) -> None:
    sys.stderr.write("luxjax: interrupted\n")
    sys.stderr.flush()
    os._exit(130)
