"""Data and models whose weights are penalised while their biases are free.

J is a mean over the N training samples: 1/(2N) ‖t − Xw‖² on diabetes, the orthonormal design and the net, the mean
cross-entropy in nats on breast cancer and digits. Inputs are scaled by the training part alone.

Shapes: D features, N samples, P parameters, K rows of parameters, W penalised weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.data import real
from core.engine import MLP, Loss, Supervised, binary_cross_entropy, cross_entropy, generators
from core.lessons.weight_penalties import proximal

LINEAR = ("diabetes", "cancer", "orthonormal")  # one weight a feature
GAUSSIAN = ("diabetes", "orthonormal")  # linear, with a squared loss
TABLES = ("diabetes", "cancer", "net")
SPLITS = ("train", "validation", "test")
ORTHONORMAL_WEIGHTS = (1.0, -0.8, 0.6, -0.45, 0.3, 0.2, -0.1, 0.05, 0.0, 0.0)
NET, NET_RATE = (8,), 0.05
HELD_OUT = 120  # for validation; on digits 300, and as many for the test

half_squared = Loss(lambda out, y: (out - y).square().mean((1, 2)) / 2, lambda out, y: (out - y) / (out.shape[1] * out.shape[2]),
                    name="half squared error")


@dataclass(frozen=True)
class Problem:
    """Data and model."""

    mlp: MLP
    loss: Loss
    names: tuple[str, ...]  # of the features
    x: dict[str, Tensor]  # split -> [1, D, n]
    y: dict[str, Tensor]  # split -> as the loss takes it
    pixels: Tensor | None = None  # which of the 64 are in use, for digits

    @property
    def mask(self) -> Tensor:
        return self.mlp.weight_mask(self.x["train"].dtype)

    @property
    def design(self) -> Tensor:
        """[N, D + 1], the last column all ones: the bias is the last parameter of a model without hidden layers."""
        x = self.x["train"][0].T
        return torch.cat([x, torch.ones_like(x[:, :1])], 1)

    def curvature(self) -> float:
        """An upper bound on the largest curvature of J; on the net, what 1/ε stands for."""
        if self.mlp.hidden:
            return 1 / NET_RATE
        top = float(torch.linalg.eigvalsh(self.design.T @ self.design / len(self.design))[-1])
        return top * {"half squared error": 1, "binary cross-entropy": 0.25, "cross-entropy": 0.5}[self.loss.name]

    def gradient(self) -> proximal.Gradient:
        """∂J of rows; by Gram matrix or design where that is all there is to it."""
        x, y, loss = self.x["train"], self.y["train"], self.loss
        if self.mlp.hidden or loss is cross_entropy:
            return lambda w: Supervised(self.mlp, loss).value_and_gradient(w, (x, y))[1]
        design, t = self.design, y[0, 0]
        if loss is half_squared:
            gram, moment = design.T @ design / len(t), design.T @ t / len(t)
            return lambda w: torch.addmm(-moment, w, gram)
        return lambda w: (torch.sigmoid(w @ design.T) - t) @ design / len(t)

    def alpha_max(self) -> float:
        """The largest |∂J/∂w| at w = 0 and the best bias: the L1 strength from which on all weights are zero."""
        if self.mlp.hidden:
            return float("nan")
        x, y = self.x["train"][0], self.y["train"]
        t = torch.nn.functional.one_hot(y[0], self.mlp.sizes[-1]).T.to(x.dtype) if self.loss is cross_entropy else y[0]
        return float(((t - t.mean(1, keepdim=True)) @ x.T / x.shape[1]).abs().max())

    def lasso(self, alphas: Tensor) -> Tensor:
        """The weights of the L1 fits at alphas [K], for a model without hidden layers: [K, W], zeros exact."""
        l1 = alphas[:, None].to(self.x["train"].dtype)
        fits = proximal.fista(self.gradient(), self.curvature(), l1.new_zeros(len(l1), self.mlp.P), l1, torch.zeros_like(l1),
                              penalised=self.mask, tolerance=1e-9)
        return [fit.w for fit in fits][-1][:, self.mask > 0]


def problem(kind: str, *, seed: int, train_size: int, decoys: int) -> Problem:
    """kind: a name of LINEAR, "net" or "digits"; decoys: columns of pure noise that join a table. Split by the seed."""
    shuffle, noise = generators([seed, seed + 1000])
    if kind == "digits":
        return _digits(train_size, shuffle)
    if kind == "orthonormal":
        return _orthonormal(train_size, shuffle)
    table = real.breast_cancer() if kind == "cancer" else real.diabetes()
    extra = torch.randn(len(table.y_N), decoys, generator=noise, dtype=torch.float64)
    names = (*table.feature_names, *(f"noise {i + 1}" for i in range(decoys)))
    parts = _parts(len(table.y_N), train_size, HELD_OUT, None, shuffle)
    x = _standard(torch.cat([table.x_ND, extra], 1), parts["train"])
    y = table.y_N.to(torch.float64)
    y = y if kind == "cancer" else _standard(y[:, None], parts["train"])[:, 0]
    mlp = MLP(sizes=(len(names), *(NET if kind == "net" else ()), 1))
    loss = binary_cross_entropy if kind == "cancer" else half_squared
    return Problem(mlp, loss, names, {s: x[i].T[None].contiguous() for s, i in parts.items()},
                   {s: y[i][None, None] for s, i in parts.items()})


def _parts(n: int, train: int, validation: int, test: int | None, generator: torch.Generator) -> dict[str, Tensor]:
    order = torch.randperm(n, generator=generator)
    stop = None if test is None else train + validation + test
    return dict(zip(SPLITS, (order[:train], order[train : train + validation], order[train + validation : stop]), strict=True))


def _standard(x: Tensor, rows: Tensor) -> Tensor:
    """Columns with mean 0 and standard deviation 1 over `rows`; a column constant there is only centred."""
    spread = x[rows].std(0, correction=0)
    return (x - x[rows].mean(0)) / torch.where(spread > 0, spread, 1.0)


def _orthonormal(train_size: int, g: torch.Generator) -> Problem:
    true = torch.tensor(ORTHONORMAL_WEIGHTS, dtype=torch.float64)
    D, N = len(true), train_size

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g, dtype=torch.float64)

    # Orthogonal to the constant too, so that the bias of the fit is the mean of t whatever the weights.
    q = torch.linalg.qr(torch.cat([torch.ones(N, 1, dtype=torch.float64), draw(N, D)], 1))[0][:, 1:]
    x = {"train": N**0.5 * q, "validation": draw(HELD_OUT, D), "test": draw(HELD_OUT, D)}
    t = {s: v @ true + draw(len(v)) for s, v in x.items()}
    names = tuple(f"w{'₁₂₃₄₅₆₇₈₉'[i]}" if i < 9 else "w₁₀" for i in range(D))
    return Problem(MLP(sizes=(D, 1)), half_squared, names, {s: v.T[None].contiguous() for s, v in x.items()},
                   {s: (v - t["train"].mean())[None, None] for s, v in t.items()})


def _digits(train_size: int, g: torch.Generator) -> Problem:
    data = real.digits()
    parts = _parts(len(data.labels_N), train_size, 300, 300, g)
    flat = data.images_NHW.flatten(1)
    # A pixel that no training image inks has slope zero: its weights would be zero under any penalty.
    pixels = (flat[parts["train"]].std(0) > 0).nonzero()[:, 0]
    names = tuple(f"pixel in row {p // 8 + 1}, column {p % 8 + 1}" for p in pixels.tolist())
    return Problem(MLP(sizes=(len(pixels), 10)), cross_entropy, names,
                   {s: flat[i][:, pixels].T[None].contiguous() for s, i in parts.items()},
                   {s: data.labels_N[i][None] for s, i in parts.items()}, pixels)


# A path holds the weights under one penalty at every strength, from the weakest to the strongest: [A, W].


def first_zero(path: Tensor) -> list[int]:
    """For every weight the index of the least strength at which it is exactly zero, A if it never is."""
    zero = path == 0
    return torch.where(zero.any(0), zero.int().argmax(0), len(path)).tolist()


def gone_from(path: Tensor) -> list[int]:
    """For every weight the index of the strength from which on it is zero for good, A if it is alive at the last."""
    alive = path != 0
    return torch.where(alive.any(0), len(path) - alive.flip(0).int().argmax(0), 0).tolist()
