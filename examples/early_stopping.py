"""Early stopping with patience: an over-sized net, 80 samples, a fifth of the labels wrong."""

import copy
import math

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

PATIENCE, MIN_DELTA, EVERY, STEPS = 20, 0.0, 8, 400


def two_moons(n, seed, use, flipped=0.2, blur=0.2):
    g = torch.Generator().manual_seed(seed)
    y = torch.randperm(n, generator=g) % 2
    angle = math.pi * torch.rand(n, generator=g)
    upper = torch.stack([angle.cos(), angle.sin()])
    lower = torch.stack([1 - angle.cos(), 0.5 - angle.sin()])
    x = torch.where(y == 0, upper, lower) + blur * torch.randn(2, n, generator=g)
    x, y = x[:, :use], y[:use].clone()
    wrong = torch.randperm(use, generator=torch.Generator().manual_seed(seed + 1))[: round(flipped * use)]
    y[wrong] = 1 - y[wrong]
    return x.T, y[:, None].float()


def main():
    seeds = torch.randint(2**31, (5,), generator=torch.Generator().manual_seed(2000)).tolist()
    train, validation, test = two_moons(200, seeds[0], 80), two_moons(200, seeds[1], 200), two_moons(400, seeds[2], 400)
    with torch.random.fork_rng():
        torch.manual_seed(seeds[3])
        net = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
    optimiser = torch.optim.Adam(net.parameters(), lr=0.005)

    def loss(data):
        with torch.no_grad():
            return binary_cross_entropy_with_logits(net(data[0]), data[1]).item()

    best, waited, best_step, stop_step, weights = math.inf, 0, 0, None, {}
    for step in range(STEPS + 1):
        if step % EVERY == 0 and stop_step is None:
            value = loss(validation)
            if value < best - MIN_DELTA:
                best, best_step, waited, weights = value, step, 0, copy.deepcopy(net.state_dict())
            else:
                waited += 1
                if waited == PATIENCE:
                    stop_step = step  # a real run would leave the loop here; we go on to see what it spares us
        if step < STEPS:
            optimiser.zero_grad()
            binary_cross_entropy_with_logits(net(train[0]), train[1]).backward()
            optimiser.step()

    out = {"best_step": best_step, "stop_step": stop_step, "validation_best": best,
           "test_end": loss(test), "train_end": loss(train)}
    net.load_state_dict(weights)
    out["test_restored"] = loss(test)
    for name, value in out.items():
        print(f"{name:16s} {value}")
    return out


if __name__ == "__main__":
    main()
