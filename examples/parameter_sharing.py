"""A ConvNet and an MLP of equal size on digits that are moved, and two tied linear fits, in plain PyTorch."""

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

DIGITS = Path(__file__).parents[1] / "core" / "data" / "digits.npz"


def moved(x, right):
    return F.pad(x, (right, 0))[..., : x.shape[-1]]


def fit(net, x, y, rate, updates=100):
    adam = torch.optim.Adam(net.parameters(), rate)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(adam, updates)
    for _ in range(updates):
        i = torch.randint(len(x), (16,))
        loss = F.cross_entropy(net(x[i]), y[i])
        adam.zero_grad()
        loss.backward()
        adam.step()
        cosine.step()
    return net


def tied(x_a, y_a, x_b, y_b, tie, rate=0.05, updates=4000):
    """Two linear fits; a gradient step, then the exact minimiser of tie * |w_a - w_b|^2."""
    a, b = torch.zeros(2, x_a.shape[1], dtype=torch.float64)
    for _ in range(updates):
        a = a - rate * 2 * x_a.T @ (x_a @ a - y_a) / len(y_a)
        b = b - rate * 2 * x_b.T @ (x_b @ b - y_b) / len(y_b)
        mean, half = (a + b) / 2, (a - b) / 2 / (1 + 4 * rate * tie)
        a, b = mean + half, mean - half
    return a, b


def main(seed=0):
    torch.manual_seed(seed)
    with np.load(DIGITS) as data:
        images, labels = torch.from_numpy(data["images"]).float() / 16, torch.from_numpy(data["labels"]).long()
    order = torch.randperm(len(labels))
    x, y = 2 * F.pad(images, (2, 2, 2, 2))[order][:, None], labels[order]
    conv = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 16, 5, padding=2), nn.ReLU(),
                         nn.MaxPool2d(6), nn.Flatten(), nn.Linear(16, 10))
    mlp = nn.Sequential(nn.Flatten(), nn.Linear(144, 12), nn.ReLU(), nn.Linear(12, 10))
    numbers = {}
    for name, net, rate in (("conv", conv, 0.03), ("mlp", mlp, 0.06)):
        fit(net, x[:1000], y[:1000], rate)
        for d in (0, 2):
            with torch.no_grad():
                numbers[f"{name}_{d}"] = (net(moved(x[1000:], d)).argmax(1) == y[1000:]).float().mean().item()
    x_a, x_b = torch.randn(48, 2, dtype=torch.float64), torch.randn(12, 2, dtype=torch.float64)
    y_a, y_b = x_a @ torch.tensor([1.2, 0.6], dtype=torch.float64), x_b @ torch.tensor([0.6, 1.4], dtype=torch.float64)
    H, c = x_a.T @ x_a / 48 + x_b.T @ x_b / 12, x_a.T @ y_a / 48 + x_b.T @ y_b / 12
    a, _ = tied(x_a, y_a, x_b, y_b, float("inf"))
    numbers["tie"] = (a - torch.linalg.solve(H, c)).abs().max().item()  # hard sharing, in closed form
    print("\n".join(f"{name}: {value:.3f}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
