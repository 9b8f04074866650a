"""Two starts of a ReLU net with thirty layers: the signal that reaches the last one, and the loss after training."""

import itertools
import math

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

DEPTH, WIDTH, STEPS, LEARNING_RATE = 30, 32, 200, 0.005
STARTS = {"xavier": nn.init.xavier_normal_, "he": lambda w, generator: nn.init.kaiming_normal_(w, generator=generator)}


def circles(n, blur=0.1):
    g = torch.Generator().manual_seed(0)
    y = torch.randperm(n, generator=g) % 2
    angle = 2 * math.pi * torch.rand(n, generator=g)
    radius = torch.where(y == 0, 1.0, 0.5)
    x = radius * torch.stack([angle.cos(), angle.sin()]) + blur * torch.randn(2, n, generator=g)
    x = (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True)
    return x.T, y[:, None].float()


def main() -> dict[str, dict[str, float]]:
    x, y = circles(64)
    told = {}
    for name, start in STARTS.items():
        widths = [2] + [WIDTH] * DEPTH
        layers = [part for i, o in itertools.pairwise(widths) for part in (nn.Linear(i, o), nn.ReLU())]
        net = nn.Sequential(*layers, nn.Linear(WIDTH, 1))
        generator = torch.Generator().manual_seed(0)
        for layer in net:
            if isinstance(layer, nn.Linear):
                start(layer.weight, generator=generator)
                nn.init.zeros_(layer.bias)
        signal = net[:-1](x).square().mean().item()
        optimiser = torch.optim.SGD(net.parameters(), lr=LEARNING_RATE, momentum=0.9)
        for _ in range(STEPS):
            optimiser.zero_grad()
            binary_cross_entropy_with_logits(net(x), y).backward()
            optimiser.step()
        loss = binary_cross_entropy_with_logits(net(x), y).item()
        told[name] = {"signal": signal, "loss": loss}
        print(f"{name:6s} second moment in the last layer {signal:.1e}, loss after {STEPS} steps {loss:.4f}")
    return told


if __name__ == "__main__":
    main()
