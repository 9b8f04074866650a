"""What we minimise is not what we want: the empirical risk J falls with capacity, the expected risk J* does not.

p_data: x uniform on [−1, 1], y = f(x) + σε with ε standard normal, so that J* is known for every model. Capacity p is the
number of features, their weights θ minimise J(θ) = 1/N Σ (y − ψ(x)ᵀθ)² + λ‖θ‖², at λ = 0 with the least norm
(`min_norm`, which has the theory). The features are polynomials, the j-th divided by (1 + j)^s so that the least norm
prefers the smooth ones, or the hidden units of a net whose first layer stays as it was drawn (Rahimi and Recht 2008).

Shapes: S draws of a sample, N samples, P capacities, M sample sizes, X places of a curve, Q nodes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from core.controls import choice, grid, number
from core.engine import generators, normals, uniforms
from core.formatting import format_number, format_power_of_ten
from core.lesson import Scene, last
from core.lessons.risk import min_norm
from core.lessons.risk.min_norm import Population

CAPACITIES = (*range(1, 25), 26, 28, 30, 34, 40, 50, 64, 80, 100, 140, 200)
SIZES = (4, 6, 8, 10, 12, 14, 16, 20, 24)
LARGEST, NODES, PLACES = SIZES[-1], 256, 601
NOISES = 200  # draws of the noise on one set of inputs
ZERO = 1e-12  # a risk below this may be rounding alone
MODELS = {"polynomial": "Polynomial of degree p − 1", "net": "ReLU net, p − 1 units and a bias"}
TRUTHS = {"wave": "A wave, sin 1.5πx", "cubic": "A cubic, 2x³ − x", "runge": "Runge's bell, 1/(1 + 25x²)"}
HELD_FROM = 4  # capacity from which a polynomial holds the cubic


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    m: int = number(12, low=4, high=LARGEST, step=2, label="Samples N")
    sigma: float = number(0.3, low=0.0, high=1.0, step=0.05, label="Noise σ", help="Standard deviation of y about f(x).")
    model: str = choice("polynomial", options=MODELS, label="Model")
    truth: str = choice("wave", options=TRUTHS, label="Truth f")
    inputs: str = choice("cells", options={"cells": "Spread: one in each of N cells", "independent": "Independent"},
                         label="Inputs",
                         help="x is uniform either way. Independent inputs leave gaps, in which a fit is free to swing.")
    at: int = number(CAPACITIES.index(12), low=0, high=len(CAPACITIES) - 1, step=1, label="Capacity p, as a place in the sweep",
                     view=True, hidden=True)
    ridge: float = grid(0.0, values=(0.0, 1e-8, 1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1.0), label="Ridge λ", more=True,
                        help="Adds λ‖θ‖² to J. At 0 the fit of least norm is taken.")
    smooth: float = number(1.0, low=0.0, high=2.0, step=0.5, label="Preference for smoothness s", more=True,
                           when=("model", ("polynomial",)),
                           help="Feature j is divided by (1 + j)^s. At λ = 0 it matters only where many fits are equally good.")
    draws: int = number(12, low=8, high=40, step=4, label="Draws of a sample", more=True)


@dataclass(frozen=True)
class Repeats:
    """P capacities on the inputs of draw 0, with NOISES draws of the noise: means over them, and what theory expects."""

    J: Tensor  # [P] empirical risk
    fresh: Tensor  # [P] risk on the same inputs with other noise
    risk: Tensor  # [P] J*, the expected risk
    expected_J: Tensor  # [P] theory
    expected_fresh: Tensor  # [P] theory
    bias: Tensor  # [P] theory: J* = σ² + bias + variance
    variance: Tensor  # [P]


@dataclass(frozen=True)
class Result:
    """Fits of P capacities on S draws."""

    x: Tensor  # [N] inputs of draw 0
    y: Tensor  # [N]
    places: Tensor  # [X] where fits and truth are drawn
    truth: Tensor  # [X]
    fits: Tensor  # [P, X] of draw 0
    J: Tensor  # [P, S] empirical risk at the scene's N
    risk: Tensor  # [P, S] expected risk at the scene's N
    repeats: Repeats
    sizes: tuple[int, ...]  # [M] the N of the map
    map_J: Tensor  # [M, P, S] empirical risk at every size, NaN where not computed yet
    map_risk: Tensor  # [M, P, S] expected risk likewise
    done: bool


def target(truth: str, x: Tensor) -> Tensor:
    """f(x), elementwise."""
    if truth == "wave":
        return torch.sin(1.5 * math.pi * x)
    return 2 * x**3 - x if truth == "cubic" else 1 / (1 + 25 * x**2)


def contains_target(config: Config, p: int) -> bool:
    """Whether f is among the functions of capacity p."""
    return config.model == "polynomial" and config.truth == "cubic" and p >= HELD_FROM


class _World:
    """p_data, the features and the pool of draws. Every draw has its own generator, so that more draws add and change none."""

    def __init__(self, config: Config):
        self.config = config
        S, P = config.draws, CAPACITIES[-1]
        makers = generators(1000 * config.seed + s for s in range(S))
        # A pool of the largest size, of which smaller samples are the beginning.
        self.u = uniforms(makers, LARGEST, dtype=torch.float64)
        self.noise = normals(makers, LARGEST, dtype=torch.float64)
        self.bend, self.turn = (uniforms(makers, P, dtype=torch.float64) for _ in range(2))
        self.noises = torch.randn(2, NOISES, LARGEST, generator=makers[0], dtype=torch.float64)
        nodes, weights = min_norm.quadrature(NODES)
        root = weights.sqrt()
        self.population = Population(self.features(nodes[None]) * root[:, None], target(config.truth, nodes) * root, config.sigma)

    def features(self, x: Tensor) -> Tensor:
        """All features at x [S or 1, n], as [S or 1, n, P]."""
        P = CAPACITIES[-1]
        if self.config.model == "polynomial":
            return min_norm.legendre(x, P) * torch.arange(1, P + 1, dtype=x.dtype) ** -self.config.smooth
        side, bend = torch.where(self.turn < 0.5, -1.0, 1.0)[:, None], 2 * self.bend[:, None] - 1
        units = (side * (x[..., None] - bend)).clamp_min(0)
        units[..., 0] = 1
        return units

    def sample(self, N: int) -> tuple[Tensor, Tensor]:
        """x and f(x), [S, N]."""
        u = self.u[:, :N]
        x = 2 * ((torch.arange(N) + u) / N if self.config.inputs == "cells" else u) - 1
        return x, target(self.config.truth, x)


def steps(config: Config) -> Iterator[Result]:
    config = config.trained()
    world = _World(config)
    places = torch.linspace(-1, 1, PLACES, dtype=torch.float64)
    x, f = world.sample(config.m)
    J, risk, thetas = _row(config, world, config.m)
    shown = world.features(places[None])[0]
    sizes = tuple(sorted({*SIZES, config.m}))
    J_map, risk_map = torch.full((2, len(sizes), *J.shape), torch.nan, dtype=torch.float64)
    result = Result(x=x[0], y=(f + config.sigma * world.noise[:, : config.m])[0], places=places,
                    truth=target(config.truth, places), fits=torch.stack([shown[:, : len(t)] @ t for t in thetas]),
                    J=J, risk=risk, repeats=_repeats(config, world), sizes=sizes, map_J=J_map, map_risk=risk_map, done=False)
    yield result
    for i in range(len(sizes)):
        row = (J, risk) if sizes[i] == config.m else _row(config, world, sizes[i])[:2]
        # Written into copies: what was handed out before must not change.
        J_map, risk_map = J_map.clone(), risk_map.clone()
        J_map[i], risk_map[i] = row
        result = replace(result, map_J=J_map, map_risk=risk_map, done=i == len(sizes) - 1)
        yield result


def run(config: Config) -> Result:
    return last(steps(config))


def _row(config: Config, world: _World, N: int) -> tuple[Tensor, Tensor, list[Tensor]]:
    """J and J* [P, S] of every capacity at N samples, and the coefficients of draw 0."""
    x, f = world.sample(N)
    y, psi = f + config.sigma * world.noise[:, :N], world.features(x)
    J, risk, thetas = [], [], []
    for p in CAPACITIES:
        theta = min_norm.solve(min_norm.factorise(psi[..., :p], config.ridge), y)
        J.append(min_norm.empirical(psi[..., :p], y, theta))
        risk.append(min_norm.expected_risk(world.population, theta))
        thetas.append(theta[0])
    return torch.stack(J), torch.stack(risk), thetas


def _repeats(config: Config, world: _World) -> Repeats:
    x, f = (v[:1] for v in world.sample(config.m))
    psi = world.features(x)[:1]
    population = world.population._replace(psi=world.population.psi[:1])
    y, again = f + config.sigma * world.noises[..., : config.m]
    rows = []
    for p in CAPACITIES:
        factors = min_norm.factorise(psi[..., :p], config.ridge)
        theta = min_norm.solve(factors, y)
        expected = min_norm.expectations(factors, f, population)
        measured = (min_norm.empirical(psi[..., :p], t, theta) for t in (y, again))
        rows.append([v.mean() for v in (*measured, min_norm.expected_risk(population, theta), *expected)])
    return Repeats(*(torch.stack(column) for column in zip(*rows, strict=True)))


def interpolates(config: Config, p: int) -> bool:
    """Whether J is exactly zero at capacity p whatever the sample: a polynomial without a penalty that has a coefficient for
    every sample, or holds f where there is no noise."""
    exact = p >= config.m or (config.sigma == 0 and contains_target(config, p))
    return config.model == "polynomial" and config.ridge == 0 and exact


def widest(result: Result) -> int:
    """Place in the sweep of the largest gap, the first where several share it."""
    gap = gaps(result)
    return int((gap == gap.max()).nonzero()[0])


def lowest(result: Result) -> int:
    """Place in the sweep of the lowest median J*, the first of those that may be rounding alone."""
    risk = result.risk.quantile(0.5, dim=1).clamp_min(ZERO)
    return int((risk == risk.min()).nonzero()[0])


def gaps(result: Result) -> Tensor:
    """J* − J, median over the draws, [P]; 0 where it may be rounding alone."""
    gap = (result.risk - result.J).quantile(0.5, dim=1)
    return torch.where(gap.abs() < ZERO, 0.0, gap)


def fmt(value: float | Tensor, exactly: bool = False) -> str:
    """A risk in words. What is too small to tell from rounding is 0 where theory says so (`exactly`), else small."""
    value = float(value)
    if not 0 <= value < ZERO:
        return format_number(value)
    return "0" if exactly or value == 0 else f"less than {format_power_of_ten(math.log10(ZERO))}"
