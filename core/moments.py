"""The step at which something happens in a run, or NEVER."""

from __future__ import annotations

import torch
from torch import Tensor

NEVER = -1


def holds_from(flags: Tensor) -> Tensor:
    """For flags [T+1, M]: the step at which the unbroken run of trues up to the end begins, NEVER if the end is false."""
    broken = (~flags).long().flip(0).cumsum(0).flip(0)
    begins = (broken > 0).sum(0)
    return torch.where(flags[-1], begins, torch.full_like(begins, NEVER))
