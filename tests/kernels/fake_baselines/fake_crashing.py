"""A fake that uses an instruction which this processor lacks."""

import os
import signal

TITLE = "fake, crashing"


def probe():
    os.kill(os.getpid(), signal.SIGILL)


def load():
    raise AssertionError("it died before")
