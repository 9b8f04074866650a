"""The noise of a mini-batch's gradient: a net, all its per-sample gradients, and what batches of 8 and 32 miss them by."""

import math

import torch
from torch import nn
from torch.nn import functional as F

N, BLUR, DRAWS = 256, 0.25, 1000


def two_moons(generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    y = torch.randperm(N, generator=generator) % 2
    angle = math.pi * torch.rand(N, generator=generator)
    upper = torch.stack([angle.cos(), angle.sin()])
    lower = torch.stack([1 - angle.cos(), 0.5 - angle.sin()])
    x = torch.where(y == 0, upper, lower) + BLUR * torch.randn(2, N, generator=generator)
    return x.T, y.float()


def he_start(generator: torch.Generator) -> nn.Sequential:
    net = nn.Sequential(nn.Linear(2, 10), nn.Tanh(), nn.Linear(10, 10), nn.Tanh(), nn.Linear(10, 1))
    with torch.no_grad():
        for layer in net:
            if isinstance(layer, nn.Linear):
                layer.weight.normal_(generator=generator).mul_(math.sqrt(2 / layer.in_features))
                layer.bias.zero_()
    return net


def gradient(net: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    net.zero_grad()
    F.binary_cross_entropy_with_logits(net(x)[:, 0], y).backward()
    return torch.cat([p.grad.flatten() for p in net.parameters()])


def main() -> dict[str, float]:
    x, y = two_moons(torch.Generator().manual_seed(0))
    net = he_start(torch.Generator().manual_seed(1_000_000))
    samples = torch.stack([gradient(net, x[i : i + 1], y[i : i + 1]) for i in range(N)])
    full = gradient(net, x, y)
    one = (samples - full).square().sum(1).mean()  # the variance of a batch of one, over all directions
    numbers = {"length": full.norm().item()}
    chance = torch.Generator().manual_seed(1)
    for m in (8, 32):
        batches = [gradient(net, x[i], y[i]) for i in (torch.randperm(N, generator=chance)[:m] for _ in range(DRAWS))]
        numbers[f"measured {m}"] = (torch.stack(batches) - full).square().sum(1).mean().sqrt().item()
        numbers[f"theory {m}"] = (one / m * (N - m) / (N - 1)).sqrt().item()
    for name, value in numbers.items():
        print(f"{name:12s} {value:.4f}")
    return numbers


if __name__ == "__main__":
    main()
