"""Bagging: trees of depth 4 on bootstraps of 50 noisy points of a sine, in plain PyTorch (Breiman 1996)."""

import math

import torch

N, NOISE, DEPTH, MEMBERS, SETS = 50, 0.3, 4, 32, 10


def grow(x, y, depth):
    """A regression tree of sorted x [n]: a number, or (threshold, left, right)."""
    n = len(x)
    if depth == 0 or n < 2 or x[0] == x[-1]:
        return y.mean()
    left, size = y.cumsum(0)[:-1], torch.arange(1, n)
    gain = left**2 / size + (y.sum() - left) ** 2 / (n - size)  # what the squares within both sides fall by, up to a constant
    gain[x[1:] == x[:-1]] = -math.inf
    cut = int(gain.argmax()) + 1
    return (x[cut - 1] + x[cut]) / 2, grow(x[:cut], y[:cut], depth - 1), grow(x[cut:], y[cut:], depth - 1)


def predict(tree, x):
    if not isinstance(tree, tuple):
        return tree.expand(len(x))
    threshold, left, right = tree
    return torch.where(x > threshold, predict(right, x), predict(left, x))


def bagged(x, y, members, at, generator):
    """What each member, grown on its own bootstrap, says at the points `at`, and out of the bag: [M, n], [M, N]."""
    said, outside = [], []
    for _ in range(members):
        bag = torch.randint(len(x), (len(x),), generator=generator)
        bag = bag[x[bag].argsort()]
        tree = grow(x[bag], y[bag], DEPTH)
        said.append(predict(tree, at))
        held = torch.zeros(len(x), dtype=torch.bool).index_fill(0, bag, True)
        outside.append(predict(tree, x).masked_fill(held, math.nan))
    return torch.stack(said), torch.stack(outside)


def main(seed=0):
    generator = torch.Generator().manual_seed(seed)
    at = torch.linspace(0, 1, 200, dtype=torch.float64)
    truth, said, errors, distinct = torch.sin(2 * math.pi * at), [], [], []
    for _ in range(SETS):
        x = torch.rand(N, generator=generator, dtype=torch.float64)
        y = torch.sin(2 * math.pi * x) + NOISE * torch.randn(N, generator=generator, dtype=torch.float64)
        members, outside = bagged(x, y, MEMBERS, at, generator)
        said.append(members)
        errors.append((outside.nanmean(0) - y).square().nanmean())
        distinct.append(outside.isnan().double().mean())
    said = torch.stack(said)  # [sets, members, points]
    average = said.mean(1)
    sigma2, variance = said.var(0).mean(), average.var(0).mean()
    rho = (MEMBERS * variance / sigma2 - 1) / (MEMBERS - 1)
    numbers = {
        "one_member": (said - truth).square().mean().item(), "average": (average - truth).square().mean().item(),
        "sigma2": sigma2.item(), "rho": rho.item(), "variance_of_average": variance.item(),
        "by_formula": (rho * sigma2 + (1 - rho) * sigma2 / MEMBERS).item(),
        "out_of_bag": torch.stack(errors).mean().item(), "distinct": torch.stack(distinct).mean().item(),
    }
    for name, value in numbers.items():
        print(f"{name:20} {value:.4f}")
    return numbers


if __name__ == "__main__":
    main()
