"""The loss round a deep net without skips (Li et al. 2018): train it, then walk on a filter-normalised random plane."""

import itertools
import math

import torch
from torch import nn

POINTS, DEPTH, WIDTH, STEPS, RATE, REACH, SIDE = 64, 8, 12, 100, 0.3, 0.75, 11


def two_moons(generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    y = torch.randperm(POINTS, generator=generator) % 2
    angle = math.pi * torch.rand(POINTS, generator=generator)
    upper = torch.stack([angle.cos(), angle.sin()])
    lower = torch.stack([1 - angle.cos(), 0.5 - angle.sin()])
    x = torch.where(y == 0, upper, lower) + 0.1 * torch.randn(2, POINTS, generator=generator)
    return x.T, y.float()[:, None]


def build(generator: torch.Generator) -> nn.Sequential:
    sizes, modules = [2, *[WIDTH] * DEPTH], []
    for fan_in, width in itertools.pairwise(sizes):
        modules += [nn.Linear(fan_in, width), nn.BatchNorm1d(width), nn.ReLU()]
    model = nn.Sequential(*modules, nn.Linear(WIDTH, 1))
    for module in model:
        if isinstance(module, nn.Linear):  # He et al. 2015
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(module.bias)
    return model


def directions(model: nn.Module, generator: torch.Generator) -> list[list[torch.Tensor]]:
    """Two random directions whose filters have the norms of the weights' filters; biases and batch norm stay put."""
    parameters = [p.detach() for p in model.parameters()]
    rows = torch.randn(2, sum(p.numel() for p in parameters), generator=generator)
    out = []
    for row in rows:
        drawn = [d.reshape(p.shape) for d, p in zip(row.split([p.numel() for p in parameters]), parameters, strict=True)]
        out.append([d * p.norm(dim=1, keepdim=True) / d.norm(dim=1, keepdim=True) if p.ndim == 2 else torch.zeros_like(p)
                    for d, p in zip(drawn, parameters, strict=True)])
    return out


@torch.no_grad()
def plane(model: nn.Module, loss, across: list, upwards: list) -> torch.Tensor:
    centre = [p.clone() for p in model.parameters()]
    out = torch.empty(SIDE, SIDE)
    for i, b in enumerate(torch.linspace(-REACH, REACH, SIDE)):
        for j, a in enumerate(torch.linspace(-REACH, REACH, SIDE)):
            for p, c, d1, d2 in zip(model.parameters(), centre, across, upwards, strict=True):
                p.copy_(c + a * d1 + b * d2)
            out[i, j] = loss()
    return out


def main(dtype: torch.dtype = torch.float32) -> dict[str, float]:
    """Training magnifies rounding some hundred thousand times: in float32 the last line differs between processors."""
    x, y = (v.to(dtype) for v in two_moons(torch.Generator().manual_seed(0)))
    model = build(torch.Generator().manual_seed(1_000_000)).to(dtype)
    optimiser = torch.optim.SGD(model.parameters(), lr=RATE)

    def loss() -> torch.Tensor:  # the model stays in train mode: batch norm uses the full batch's statistics
        return nn.functional.binary_cross_entropy_with_logits(model(x), y)

    for _ in range(STEPS):
        optimiser.zero_grad()
        loss().backward()
        optimiser.step()
    z = plane(model, loss, *directions(model, torch.Generator().manual_seed(3_000_000)))
    found = {"trained": z[SIDE // 2, SIDE // 2], "lowest": z.min(), "median": z.median(), "highest": z.max()}
    found = {name: value.item() for name, value in found.items()}
    print("loss: " + ", ".join(f"{name} {value:.4f}" for name, value in found.items()))
    return found


if __name__ == "__main__":
    main()
