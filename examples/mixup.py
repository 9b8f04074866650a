"""Mixup against ordinary training on two moons with corrupt labels, in plain PyTorch (Zhang et al. 2018)."""

import math

import torch
from torch import nn


def two_moons(n, noise, generator):
    y = torch.randperm(n, generator=generator) % 2
    angle = math.pi * torch.rand(n, generator=generator)
    upper = torch.stack([angle.cos(), angle.sin()], dim=1)
    lower = torch.stack([1 - angle.cos(), 0.5 - angle.sin()], dim=1)
    x = torch.where(y[:, None] == 0, upper, lower)
    return x + noise * torch.randn(n, 2, generator=generator), y


def mix(x, y, alpha):
    """One λ for each pair, the same for inputs and labels."""
    share = torch.distributions.Beta(alpha, alpha).sample((len(x), 1))
    partner = torch.randperm(len(x))
    return share * x + (1 - share) * x[partner], share * y + (1 - share) * y[partner]


def fit(x, labels, alpha=None, steps=600):
    layers = nn.Linear(2, 32), nn.Linear(32, 32), nn.Linear(32, 2)
    for layer in layers:
        nn.init.xavier_normal_(layer.weight)
        nn.init.zeros_(layer.bias)
    net = nn.Sequential(layers[0], nn.Tanh(), layers[1], nn.Tanh(), layers[2])
    optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
    y = nn.functional.one_hot(labels, 2).float()
    for _ in range(steps):
        inputs, targets = (x, y) if alpha is None else mix(x, y, alpha)
        loss = nn.functional.cross_entropy(net(inputs), targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return net


@torch.no_grad()
def judge(net, x, y):
    p = net(x).softmax(1)
    return (p.argmax(1) != y).float().mean().item(), p.amax(1).mean().item()


def main(seeds=2):
    torch.manual_seed(0)
    totals = {}
    for seed in range(seeds):
        generator = torch.Generator().manual_seed(seed)
        x, y = two_moons(80, 0.2, generator)
        x_test, y_test = two_moons(400, 0.2, generator)
        labels = y.clone()
        labels[:16] = 1 - labels[:16]  # one fifth is corrupt; the order is random
        for name, alpha in (("erm", None), ("mixup", 1.0)):
            net = fit(x, labels, alpha)
            train_error, _ = judge(net, x, labels)
            test_error, confidence = judge(net, x_test, y_test)
            found = dict(train_error=train_error, test_error=test_error, confidence=confidence)
            for key, value in found.items():
                totals[f"{name}_{key}"] = totals.get(f"{name}_{key}", 0) + value / seeds
    for key, value in totals.items():
        print(f"{key:18} {value:.3f}")
    return totals


if __name__ == "__main__":
    main()
