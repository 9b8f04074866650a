"""What a script draws at random: each purpose and each step has random numbers of its own, as in the playground."""

from __future__ import annotations

from core.playground.code.needs import Needs
from core.playground.code.text import block


def generator(needs: Needs) -> str | None:
    """`core.playground.streams.Streams.at` as a function."""
    if not needs.purposes:
        return None
    return block(
        "def generator(purpose, step):",
        '    """Each purpose has random numbers of its own at each step: a hash (SplitMix64) makes the seed."""',
        "    z = ((SEED * 64 + PURPOSES[purpose]) * 2**40 + step + 0x9E3779B97F4A7C15) % 2**64",
        "    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % 2**64",
        "    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % 2**64",
        "    return torch.Generator().manual_seed((z ^ (z >> 31)) >> 32)",
    )


def batches(needs: Needs) -> str | None:
    """A generator of batches; none where all samples are one."""
    if not needs.shuffles:
        return None
    rest = needs.problem.size % needs.size
    sizes = "BATCH"
    if needs.setup.norm == "batch" and rest == 1:
        sizes = f"[BATCH] * {needs.problem.size // needs.size - 1} + [BATCH + 1]"
    return block(
        "def batches(x, y):",
        '    """Batches without end, each epoch in an order of its own."""',
        "    epoch = 0",
        "    while True:",
        '        order = torch.randperm(len(x), generator=generator("order", epoch))',
        f"        for index in order.split({sizes}):",
        sizes != "BATCH" and "            # The last sample joins those before it: one alone has no spread.",
        "            yield x[index], y[index]",
        "        epoch += 1",
    )


def masks(needs: Needs) -> str | None:
    """Dropout's masks."""
    if not needs.dropout:
        return None
    widths = list(needs.setup.widths)
    return block(
        "def dropout_masks(step, n):",
        '    """Zeros and 1/(1 - p), for each hidden layer [n, units]."""',
        f'    u = torch.rand({sum(widths)}, n, generator=generator("dropout", step))',
        f"    return [mask.T for mask in ((u >= DROPOUT).float() / (1 - DROPOUT)).split({widths})]",
    )


def mixup(needs: Needs) -> str | None:
    """Mixed pairs."""
    if not needs.mixup:
        return None
    return block(
        "def mix(x, y, step):",
        '    """λ of each sample and 1 − λ of another, λ from Beta(α, α) by Bailey\'s polar method."""',
        '    u, v, order = torch.rand(3, len(x), generator=generator("mixup", step), dtype=torch.float64)',
        "    c = torch.cos(2 * math.pi * v)",
        "    share = 0.5 + 0.5 * c / (c * c + 1 / (u ** (-1 / MIXUP) - 1)).sqrt()",
        "    share, partner = share.float()[:, None], order.argsort()",
        "    return share * x + (1 - share) * x[partner], share * y + (1 - share) * y[partner]",
    )
