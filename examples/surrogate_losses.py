"""One classifier trained on four stand-ins for the error, with one sample carried far into the other class."""

import math

import torch
from torch.nn.functional import softplus

LOSSES = {
    "squared": lambda z: (1 - z) ** 2,
    "hinge": lambda z: torch.relu(1 - z),
    "logistic": lambda z: softplus(-z) / math.log(2),  # in bits, so that it bounds the 0-1 loss
    "exponential": lambda z: torch.exp(-z),
}
AWAY = -12 * torch.tensor([math.cos(math.radians(35)), math.sin(math.radians(35))])


def two_classes(n, seed, apart=3.0):
    g = torch.Generator().manual_seed(seed)
    y = 2.0 * (torch.randperm(n, generator=g) % 2) - 1
    x = torch.randn(n, 2, generator=g)
    x[:, 0] += y * apart / 2
    return x, y


def main():
    seeds = torch.randint(2**31, (5,), generator=torch.Generator().manual_seed(0)).tolist()
    x, y = (v[:80] for v in two_classes(200, seeds[0]))
    x_validation, y_validation = two_classes(400, seeds[2])
    x[(y == 1).nonzero()[0]] += AWAY  # the stray, its label as it was
    out = {}
    for name, phi in LOSSES.items():
        w, b = torch.zeros(2, requires_grad=True), torch.zeros(1, requires_grad=True)
        optimiser = torch.optim.Adam([w, b], lr=0.05)
        for _ in range(180):
            optimiser.zero_grad()
            phi(y * (x @ w + b)).mean().backward()
            optimiser.step()
        with torch.no_grad():
            out[f"{name} loss"] = phi(y * (x @ w + b)).mean().item()
            out[f"{name} error"] = (y_validation * (x_validation @ w + b) <= 0).float().mean().item()
        print(f"{name:12s} training loss {out[f'{name} loss']:.3f}, validation error {out[f'{name} error']:.1%}")
    return out


if __name__ == "__main__":
    main()
