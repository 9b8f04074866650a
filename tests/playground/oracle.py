"""The playground's run in torch.nn, torch.optim and autograd, an update at a time; only the random numbers are the run's own."""

import math
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch import nn

from core.playground.setup import Setup
from core.playground.streams import Purpose, Streams
from core.simulation import Simulation

FLOAT = torch.float64
ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "sigmoid": nn.Sigmoid, "linear": nn.Identity}


class Net(nn.Module):
    """Affine, norm, activation, dropout by given masks, skip."""

    def __init__(self, setup, outputs):
        super().__init__()
        sizes = (len(setup.inputs), *setup.widths, outputs)
        self.affine: Any = nn.ModuleList(nn.Linear(i, o, dtype=FLOAT) for i, o in pairwise(sizes))
        make = {
            "none": lambda _: nn.Identity(),
            "batch": lambda o: nn.BatchNorm1d(o, dtype=FLOAT),
            "layer": lambda o: nn.LayerNorm(o, dtype=FLOAT),
        }
        self.norms: Any = nn.ModuleList(make[setup.norm](o) for o in sizes[1:-1])
        self.activations, self.skips = [ACTIVATIONS[name]() for name in setup.activations], setup.skips

    def forward(self, x, masks=None):
        for k, (affine, norm) in enumerate(zip(self.affine, self.norms, strict=False)):
            h = self.activations[k](norm(affine(x)))
            if masks is not None:
                h = h * masks[k].T
            x = x + h if self.skips and x.shape == h.shape else h
        return self.affine[-1](x)

    def ordered(self):
        """Parameters in the order of theta: weight, bias, gamma, beta of each layer."""
        for k, affine in enumerate(self.affine):
            yield from affine.parameters()
            if k < len(self.norms):
                yield from self.norms[k].parameters()


class Oracle:
    def __init__(self, simulation: Simulation):
        self.problem, self.setup = simulation.problem, simulation.setup
        self.net = Net(self.setup, self.problem.outputs)
        at = 0
        for p in self.net.ordered():
            p.data = simulation.start[0, at : at + p.numel()].reshape(p.shape).clone()
            at += p.numel()
        self.weights: list[Any] = [affine.weight for affine in self.net.affine]
        self.streams = Streams(self.setup.seed)
        self.x = self.problem.x[0, :, : self.problem.size].T.to(FLOAT)
        self.labels = self.problem.y[: self.problem.size]
        self.step = self.epoch = self.offset = 0
        self.average = None
        self.optimiser = None

    @property
    def theta(self):
        return torch.cat([p.detach().flatten() for p in self.net.ordered()])

    def apply(self, setup):
        kind = {"nesterov": "momentum"}
        if self.optimiser is None or kind.get(setup.method, setup.method) != kind.get(self.setup.method, self.setup.method):
            others = [p for p in self.net.parameters() if not any(p is w for w in self.weights)]
            groups = [dict(params=self.weights), dict(params=others)]
            self.optimiser = {
                "sgd": lambda: torch.optim.SGD(groups, lr=1.0),
                "momentum": lambda: torch.optim.SGD(groups, lr=1.0, momentum=setup.alpha),
                "nesterov": lambda: torch.optim.SGD(groups, lr=1.0, momentum=setup.alpha, nesterov=True),
                "adagrad": lambda: torch.optim.Adagrad(groups, lr=1.0),
                "rmsprop": lambda: torch.optim.RMSprop(groups, lr=1.0),
                "adam": lambda: torch.optim.AdamW(groups, lr=1.0, weight_decay=0.0),
            }[setup.method]()
        for group in self.optimiser.param_groups if setup.method in ("momentum", "nesterov") else ():
            group |= dict(momentum=setup.alpha, nesterov=setup.method == "nesterov")
        if not setup.averaging:
            self.average = None
        elif self.average is None:
            self.average = self.theta
        self.setup = setup

    def rate(self):
        t, n = self.step, int(self.setup.horizon)
        return (
            self.setup.rate
            * {
                "constant": 1.0,
                "step": 0.1 ** (t // n),
                "cosine": 0.5 * (1 + math.cos(math.pi * min(t, n) / n)),
                "warmup": 1 / 3 + 2 / 3 * min(t, n) / n,
            }[self.setup.schedule]
        )

    def batch(self):
        if self.offset == len(self.x):
            self.epoch, self.offset = self.epoch + 1, 0
        if self.setup.batch >= len(self.x):  # all of them, also where an epoch of smaller batches is under way
            self.offset = len(self.x)
            return self.x, self.labels
        index = torch.randperm(len(self.x), generator=self.streams.at(Purpose.ORDER, self.epoch)[0])
        index = index[self.offset : self.offset + int(self.setup.batch)]
        self.offset += len(index)
        return self.x[index], self.labels[index]

    def update(self):
        setup, n_classes = self.setup, self.problem.classes
        x, labels = self.batch()
        n = len(x)
        share, partner = torch.ones(n, dtype=FLOAT), torch.arange(n)
        if setup.mixup and (setup.loss != "hinge" or not n_classes):
            u, v, order = torch.rand(3, 1, n, generator=self.streams.at(Purpose.MIXUP, self.step)[0], dtype=FLOAT)[:, 0]
            partner = order.argsort()
            a = setup.mixup  # Bailey's method: Student's t with 2a degrees of freedom, then Beta(a, a)
            t = (2 * a * (u ** (-1 / a) - 1)).sqrt() * torch.cos(2 * math.pi * v)
            share = (0.5 + 0.5 * t / (2 * a + t * t).sqrt()).float().to(FLOAT)
            x = share[:, None] * x + (1 - share)[:, None] * x[partner]
        if setup.input_noise:
            x = (
                x
                + setup.input_noise
                * torch.randn(1, 2, n, generator=self.streams.at(Purpose.INPUTS, self.step)[0], dtype=FLOAT)[0].T
            )
        a, b = x.T
        made = {"x1": a, "x2": b, "x1x1": a**2, "x2x2": b**2, "x1x2": a * b, "sin1": a.sin(), "sin2": b.sin()}
        inputs = torch.stack([made[name] for name in setup.inputs], 1)
        masks = None
        if setup.dropout:
            u = torch.rand(sum(setup.widths), n, generator=self.streams.at(Purpose.DROPOUT, self.step)[0])
            masks = ((u >= torch.tensor(setup.dropout, dtype=FLOAT)).to(FLOAT) / (1 - setup.dropout)).split(setup.widths)
        clean = [p.detach().clone() for p in self.net.ordered()]
        if setup.weight_noise:
            noise = torch.randn(
                1, sum(p.numel() for p in clean), generator=self.streams.at(Purpose.WEIGHTS, self.step)[0], dtype=FLOAT
            )[0]
            for p, part in zip(self.net.ordered(), noise.split([p.numel() for p in clean]), strict=True):
                p.data += setup.weight_noise * part.reshape(p.shape)
        self.optimiser.zero_grad()
        out = self.net(inputs, masks)
        loss = share @ self.losses(out, labels, n_classes) + (1 - share) @ self.losses(out, labels[partner], n_classes)
        (loss / n).backward()
        for p, value in zip(self.net.ordered(), clean, strict=True):
            p.data = value
        for w in self.weights:
            w.grad = w.grad + setup.l2 * w.detach()
        for p, keep in self.held():
            p.grad[keep] = 0
        if setup.clip:
            nn.utils.clip_grad_norm_(list(self.net.parameters()), setup.clip)
        self.descend()

    def losses(self, out, labels, n_classes):
        """One a sample."""
        setup = self.setup
        if not n_classes:
            return (out[:, 0] - labels).square()
        if setup.loss == "cross_entropy":
            two = torch.cat([torch.zeros_like(out), out], 1) if n_classes == 2 else out
            return nn.CrossEntropyLoss(label_smoothing=setup.smoothing, reduction="none")(two, labels)
        y = 2.0 * labels[:, None] - 1 if n_classes == 2 else nn.functional.one_hot(labels, n_classes).to(FLOAT)
        if setup.loss == "squared":
            return (out - y).square().mean(1)
        y = y if n_classes == 2 else 2 * y - 1
        return (1 - out * y).clamp_min(0).mean(1)

    def held(self):
        """Parameters with a mask of what is frozen in them."""
        for layer, unit, *source in self.setup.frozen:
            affine = self.net.affine[layer - 1]
            at = unit - 1
            if source and source[0]:
                mask = torch.zeros_like(affine.weight, dtype=torch.bool)
                mask[at, source[0] - 1] = True
                yield affine.weight, mask
                continue
            norm = list(self.net.norms[layer - 1].parameters()) if layer <= len(self.net.norms) else []
            for p in [affine.bias] if source else [affine.weight, affine.bias, *norm]:
                mask = torch.zeros_like(p, dtype=torch.bool)
                mask[at] = True
                yield p, mask

    def descend(self):
        setup, rate = self.setup, self.rate()
        kept = [(p, mask, p.detach()[mask].clone()) for p, mask in self.held()]
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        if setup.method == "adam":
            self.optimiser.param_groups[0]["weight_decay"] = setup.decay
        else:
            for w in self.weights:
                w.data *= 1 - rate * setup.decay
        self.optimiser.step()
        if setup.l1:
            for w in self.weights:
                size = self.size(w, rate)
                w.data = w.sign() * (w.abs() - setup.l1 * size).clamp_min(0)
        for p, mask, values in kept:
            p.data[mask] = values
        self.step += 1
        if self.average is not None:
            self.average = setup.averaging * self.average + (1 - setup.averaging) * self.theta

    def size(self, w, rate):
        """What a gradient that stays as it is is multiplied by."""
        state = self.optimiser.state[w]
        return {
            "sgd": lambda: rate,
            "momentum": lambda: rate / (1 - self.setup.alpha),
            "nesterov": lambda: rate / (1 - self.setup.alpha),
            "adagrad": lambda: rate / (state["sum"].sqrt() + 1e-10),
            "rmsprop": lambda: rate / (state["square_avg"].sqrt() + 1e-8),
            "adam": lambda: rate / ((state["exp_avg_sq"] / (1 - 0.999 ** float(state["step"]))).sqrt() + 1e-8),
        }[self.setup.method]()


def compare(setup: Setup, changes: list[dict] = (), steps: int = 25) -> float:
    """The largest difference of parameters at any step, while one change after another is made, each for so many steps."""
    simulation = Simulation(setup, dtype=FLOAT)
    oracle = Oracle(simulation)
    worst = 0.0
    for now in accumulate(changes, lambda s, values: replace(s, **values), initial=setup):
        assert not simulation.apply(now), "a change that is live began a new run"
        oracle.apply(now)
        for _ in range(steps):
            assert simulation.advance(1) == 1
            oracle.update()
            worst = max(worst, float((simulation.theta[0] - oracle.theta).abs().max()))
            if oracle.average is not None:
                worst = max(worst, float((simulation.average.theta[0] - oracle.average).abs().max()))
    return worst
