"""What is right for the softmax study, by the names of its reference.py."""

import runpy

from passline.registry import KERNELS

_FOUND = runpy.run_path(str(KERNELS / "softmax" / "reference.py"))
softmax, REFERENCES = _FOUND["whole"], _FOUND["REFERENCES"]
