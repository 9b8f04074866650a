"""Label smoothing and input noise in plain PyTorch: the logits' gap beside its formula, and noisy least squares beside ridge."""

import math

import torch
from torch import nn


def blobs(n, classes, generator, spread=0.5):
    y = torch.randperm(n, generator=generator) % classes
    angle = 2 * math.pi * y / classes
    centres = 2 * torch.stack([angle.sin(), angle.cos()], dim=1)
    return centres + spread * torch.randn(n, 2, generator=generator), y


def smoothed(epsilon=0.6, classes=3, steps=400):
    """PyTorch's label smoothing spreads ε over all classes, the right one included."""
    torch.manual_seed(0)
    x, y = blobs(60, classes, torch.Generator().manual_seed(0))
    net = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, classes))
    optimiser = torch.optim.Adam(net.parameters(), lr=0.03)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        loss = nn.functional.cross_entropy(net(x), y, label_smoothing=epsilon)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        z = net(x)
    own = z.gather(1, y[:, None])[:, 0]
    gap = (own - (z.sum(1) - own) / (classes - 1)).mean().item()
    return gap, z.softmax(1).amax(1).mean().item()


def noisy_least_squares(sigma=0.5, copies=4000):
    """No intercept: the mean of squares on noisy copies, and ridge with σ²."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(30, 4, generator=generator, dtype=torch.float64)
    errors = 0.3 * torch.randn(30, generator=generator, dtype=torch.float64)
    y = x @ torch.tensor([1.0, -2.0, 0.5, 0.0], dtype=torch.float64) + errors
    noisy = (x + sigma * torch.randn(copies, 30, 4, generator=generator, dtype=torch.float64)).reshape(-1, 4)
    fitted = torch.linalg.lstsq(noisy, y.repeat(copies)[:, None]).solution[:, 0]
    ridge = torch.linalg.solve(x.T @ x / 30 + sigma**2 * torch.eye(4, dtype=torch.float64), x.T @ y / 30)
    return (fitted - ridge).norm().item() / ridge.norm().item()


def main():
    gap, sure = smoothed()
    numbers = {"gap": gap, "formula": math.log(1 + 3 * (1 - 0.6) / 0.6), "sure": sure, "off_ridge": noisy_least_squares()}
    for name, value in numbers.items():
        print(f"{name:10} {value:.4f}")
    return numbers


if __name__ == "__main__":
    main()
