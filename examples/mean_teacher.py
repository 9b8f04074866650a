"""Mean teacher on two moons with twelve labels, in plain PyTorch (Tarvainen and Valpola 2017)."""

import copy
import math

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel


def two_moons(n, spread, generator):
    y = torch.randperm(n, generator=generator) % 2
    angle = math.pi * torch.rand(n, generator=generator)
    upper = torch.stack([angle.cos(), angle.sin()], dim=1)
    lower = torch.stack([1 - angle.cos(), 0.5 - angle.sin()], dim=1)
    x = torch.where(y[:, None] == 0, upper, lower)
    return x + spread * torch.randn(n, 2, generator=generator), y.float()


def jitter(x, strength):
    """Each point under a random affine map of its own."""
    centre = torch.tensor([0.5, 0.25])
    turn, shift = torch.randn(len(x), 2, 2), torch.randn(len(x), 2)
    return x + strength * ((turn @ (x - centre)[..., None])[..., 0] + shift)


def fit(net, x, y, unlabelled, weight, decay=0.97, ramp=100, strength=0.12, steps=400):
    def averaged(old, new, count):
        t = int(count)
        keep = min(1 - 1 / (t + 1), decay)
        return keep * old + (1 - keep) * new

    teacher = AveragedModel(net, avg_fn=averaged)
    teacher.update_parameters(net)  # the first call copies the start
    optimiser = torch.optim.Adam(net.parameters(), lr=0.02)
    for step in range(steps):
        loss = nn.functional.binary_cross_entropy_with_logits(net(x)[:, 0], y)
        if weight:
            with torch.no_grad():  # nothing flows into the teacher
                target = torch.sigmoid(teacher(jitter(unlabelled, strength)))
            p = torch.sigmoid(net(jitter(unlabelled, strength)))
            grown = math.exp(-5 * (1 - step / ramp) ** 2) if step < ramp else 1.0
            loss = loss + weight * grown * (p - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        teacher.update_parameters(net)
    return teacher


@torch.no_grad()
def right(net, x, y):
    return ((net(x)[:, 0] > 0) == (y > 0.5)).float().mean().item()


def main(seeds=5):
    torch.manual_seed(0)
    totals = {"alone": 0.0, "student": 0.0, "teacher": 0.0}
    for seed in range(seeds):
        generator = torch.Generator().manual_seed(seed)
        pool, labels = two_moons(64, 0.1, generator)
        pick = torch.cat([(labels == c).nonzero()[:6, 0] for c in (0, 1)])
        unlabelled, _ = two_moons(200, 0.1, generator)
        test = two_moons(500, 0.1, generator)
        layers = nn.Linear(2, 24), nn.Linear(24, 24), nn.Linear(24, 1)
        for layer in layers:
            nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
        alone = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
        student = copy.deepcopy(alone)
        fit(alone, pool[pick], labels[pick], unlabelled, weight=0.0)
        teacher = fit(student, pool[pick], labels[pick], unlabelled, weight=10.0)
        for name, net in (("alone", alone), ("student", student), ("teacher", teacher)):
            totals[name] += right(net, *test) / seeds
    for name, value in totals.items():
        print(f"{name:8} {value:.3f}")
    return totals


if __name__ == "__main__":
    main()
