"""Three searches of six trials each, on the same seeds: a net without regulariser over learning rates, one that is stopped early
over numbers of updates, and one with L2 over strengths. Validation chooses, test reports, and t-intervals over pairs say whether
the others end elsewhere than early stopping.

Run: python examples/regulariser_bench.py
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

RATE, STEPS, HIDDEN = 0.04, 96, 16
RATES = [RATE * factor for factor in (1.0, 0.0625, 0.125, 0.25, 0.5, 2.0)]
STOPS = [STEPS, 48, 24, 12, 6, 3]
STRENGTHS = [0.0, 0.003, 0.01, 0.03, 0.1, 0.3]
T_975 = 2.776445  # quantile of Student's t with 4 degrees of freedom, for five pairs
Set = tuple[Tensor, Tensor]  # x [n, d] and classes y [n]


def moons(n: int, wrong: int, rng: torch.Generator) -> Set:
    """Two moons, of which `wrong` points have the other class."""
    y = torch.randint(2, (n,), generator=rng)
    angle = math.pi * torch.rand(n, generator=rng)
    upper, lower = torch.stack([angle.cos(), angle.sin()], 1), torch.stack([1 - angle.cos(), 0.5 - angle.sin()], 1)
    x = torch.where(y[:, None] == 0, upper, lower) + 0.25 * torch.randn(n, 2, generator=rng)
    y[:wrong] = 1 - y[:wrong]
    return x, y


def train(net: nn.Sequential, data: Set, rate: float, updates: int, alpha: float) -> nn.Sequential:
    """Adam on the mean cross-entropy + α/2 · sum of squared weights, all samples in a batch."""
    optimiser = torch.optim.Adam(net.parameters(), lr=rate)
    x, y = data
    for _ in range(updates):
        optimiser.zero_grad()
        penalty = sum(layer.weight.square().sum() for layer in net if isinstance(layer, nn.Linear))
        (nn.functional.cross_entropy(net(x), y) + alpha / 2 * penalty).backward()
        optimiser.step()
    return net


Trial = tuple[float, int, float]  # learning rate, updates, α


def search(start: Callable[[], nn.Sequential], trials: Sequence[Trial], data: Set, val: Set, test: Set) -> float:
    """Test loss of the trial whose validation loss is least. No choice sees the test set."""
    found = []
    for trial in trials:
        net = train(start(), data, *trial)
        with torch.no_grad():
            found.append([float(nn.functional.cross_entropy(net(x), y)) for x, y in (val, test)])
    return min(found, key=lambda losses: losses[0])[1]


def interval(differences: Tensor) -> tuple[float, float]:
    """Mean of five paired differences, and half the width of its 95 % interval."""
    return float(differences.mean()), T_975 * float(differences.std()) / math.sqrt(len(differences))


def searches(start: Callable[[], nn.Sequential], data: Set, val: Set, test: Set) -> tuple[float, float, float]:
    """Those of one seed: without regulariser, stopped early, with L2."""
    plain = search(start, [(rate, STEPS, 0.0) for rate in RATES], data, val, test)
    stopped = search(start, [(RATE, updates, 0.0) for updates in STOPS], data, val, test)
    return plain, stopped, search(start, [(RATE, STEPS, alpha) for alpha in STRENGTHS], data, val, test)


def main(seed: int = 0) -> tuple[float, float]:
    """Mean difference of L2 from early stopping and half its interval (nats)."""
    losses = []
    for s in range(5 * seed, 5 * seed + 5):
        rng = torch.Generator().manual_seed(s)
        sets = moons(32, 6, rng), moons(64, 0, rng), moons(192, 0, rng)

        def start(s: int = s) -> nn.Sequential:
            torch.manual_seed(s)
            return nn.Sequential(nn.Linear(2, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 2))

        losses.append(searches(start, *sets))
    plain, stopped, ridge = torch.tensor(losses).T
    print(f"early stopping {float(stopped.mean()):.3f} nats")
    for name, loss in {"no regulariser": plain, "L2": ridge}.items():
        mean, half = interval(loss - stopped)
        print(f"{name} {float(loss.mean()):.3f} nats, minus early stopping's {mean:+.3f} ± {half:.3f}")
    return interval(ridge - stopped)


if __name__ == "__main__":
    main()
