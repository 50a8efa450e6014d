"""A fake: its largest output is 1 % too large."""

from passline.baselines.fake_exact import probe, softmax

from passline.baselines import Softmax

__all__ = ["TITLE", "load", "probe"]

TITLE = "fake, wrong"


def wrong(x, y):
    softmax(x, y)
    y[y.argmax()] *= 1.01


def load():
    return Softmax(lambda x, y: lambda: wrong(x, y))
