"""A fake that cannot be had."""

from passline.baselines import Availability

TITLE = "fake, absent"


def probe():
    return Availability(ok=False, reason="this fake is never there")


def load():
    raise AssertionError("what is absent is not loaded")
