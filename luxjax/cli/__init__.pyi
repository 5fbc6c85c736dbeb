from ._app import Steps as Steps
from ._app import app as app
from ._start import main as main
