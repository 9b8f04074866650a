"""A flipped digit keeps its label and misleads: small ConvNets with no, harmless and label-breaking augmentation, in PyTorch."""

import math

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F


def transform(x, angle, shift, mirror):
    """Images [n, 1, H, W], each turned (radians), shifted (in halves of a side) and mirrored by its own draw."""
    cos, sin = angle.cos(), angle.sin()
    sign = torch.where(mirror, -1.0, 1.0)
    back = torch.stack([torch.stack([sign * cos, sign * sin, shift[:, 0]], 1), torch.stack([-sin, cos, shift[:, 1]], 1)], 1)
    return F.grid_sample(x, F.affine_grid(back, list(x.shape), align_corners=True), align_corners=True)


def draw(x, kind):
    """A fresh draw for every image of a batch; the test set is never drawn."""
    n = len(x)
    if kind == "none":
        return x
    angle, shift, mirror = torch.zeros(n), torch.zeros(n, 2), torch.zeros(n, dtype=torch.bool)
    if kind == "good":
        angle, shift = math.radians(8) * (2 * torch.rand(n) - 1), 0.14 * (2 * torch.rand(n, 2) - 1)
    else:
        mirror = torch.rand(n) < 0.5
    return transform(x, angle, shift, mirror)


def fit(x, y, kind, steps=400):
    first, second = nn.Conv2d(1, 8, 3, 2, 1), nn.Conv2d(8, 16, 3, 2, 1)
    net = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Flatten(), nn.Linear(64, 10))
    optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        chosen = torch.randint(len(x), (16,))
        loss = F.cross_entropy(net(draw(x[chosen], kind)), y[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return net


def main(seeds=3, size=100):
    images, labels = load_digits(return_X_y=True)
    x, y = torch.tensor(images).float().reshape(-1, 1, 8, 8) / 16, torch.tensor(labels)
    errors = dict.fromkeys(("none", "good", "breaking"), 0.0)
    for seed in range(seeds):
        torch.manual_seed(seed)
        order = torch.randperm(len(x))
        train, test = order[:size], order[-300:]
        for kind in errors:
            net = fit(x[train], y[train], kind)
            errors[kind] += (net(x[test]).argmax(1) != y[test]).float().mean().item() / seeds
    for kind, error in errors.items():
        print(f"{kind:10} {error:.3f}")
    return errors


if __name__ == "__main__":
    main()
