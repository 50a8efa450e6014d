"""Python runs this as it starts, where this folder is on its path: the fakes beside it are then outside baselines."""

from pathlib import Path

from passline import baselines

baselines.__path__.append(str(Path(__file__).parent))
