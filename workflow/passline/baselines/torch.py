"""PyTorch's softmax, as it is called most: each call allocates its result."""

from __future__ import annotations

from functools import partial

from passline.baselines import Availability, Softmax

TITLE = "PyTorch"
DISTRIBUTION = "torch"


def probe() -> Availability:
    """Import it, and ask it."""
    try:
        import torch
    except (ImportError, OSError) as error:
        return Availability(ok=False, reason=f"PyTorch cannot be imported ({error}): pip install torch")
    torch.set_num_threads(1)
    capability = torch.backends.cpu.get_cpu_capability()
    return Availability(ok=True, version=torch.__version__, isa=capability, threads=torch.get_num_threads())


def load() -> Softmax:
    """`torch.softmax(x, 0)` on a tensor that shares the row's memory."""
    import torch

    torch.set_num_threads(1)
    return Softmax(
        lambda x, _y: partial(torch.softmax, torch.from_numpy(x), 0),
        outputs=lambda y: y.numpy(),
    )
