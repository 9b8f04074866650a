"""The data that every pair is fitted to: five draws of a regression and a classification with the same inputs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.engine import generators, normals

SEEDS, WIDTH, CLASSES, UNITS = 5, 4, 3, 6
COPIES = 1_000  # of noisy inputs, at most
FEW = 16  # samples of which mixup makes all pairs


@dataclass(frozen=True)
class Problem:
    """R = SEEDS draws, all float64. Inputs have WIDTH columns, whose variances fall from 1 in equal ratios."""

    inputs: Tensor  # (R, N, d)
    truth: Tensor  # (R, d), w of deviation 1
    targets: Tensor  # (R, N), xᵀw and noise
    noise: float  # deviation of it
    other: tuple[Tensor, Tensor]  # inputs and targets of a second, related task
    onehot: Tensor  # (R, N, K) classes
    direction: Tensor  # (R, d), of unit length: soft labels are sigmoid(s xᵀu)
    first: Tensor  # (R, d, UNITS) weights of a layer of tanh
    second: Tensor  # (R, UNITS, K) weights of the layer after it
    matrix: Tensor  # (R, d, d) of a recurrence, of norm 1
    seed: int

    def soft_labels(self, sizes: Tensor) -> Tensor:
        """Labels (S, R, N) between 0 and 1 whose log-odds are sizes (S,) times xᵀu."""
        return torch.sigmoid(sizes[:, None, None] * (self.inputs @ self.direction[..., None])[..., 0])


def make_problem(seed: int, samples: int, spread: float, noise: float) -> Problem:
    """spread: by how much the largest variance of a column exceeds the smallest; noise: the deviation of that of y."""
    rngs = generators(range(seed * SEEDS, (seed + 1) * SEEDS))

    def draw(*shape: int) -> Tensor:
        return normals(rngs, *shape).to(torch.float64)

    columns = torch.logspace(0, -0.5, WIDTH, base=spread, dtype=torch.float64)
    x, other = draw(samples, WIDTH) * columns, draw(samples, WIDTH) * columns
    truth, away = draw(WIDTH), draw(WIDTH)
    y = (x @ truth[..., None])[..., 0] + noise * draw(samples)
    y_other = (other @ (truth + away / 2)[..., None])[..., 0] + noise * draw(samples)
    scores = x / columns @ draw(WIDTH, CLASSES) + draw(samples, CLASSES)
    direction, matrix = draw(WIDTH), draw(WIDTH, WIDTH)
    return Problem(
        inputs=x, truth=truth, targets=y, noise=noise, other=(other, y_other),
        onehot=torch.nn.functional.one_hot(scores.argmax(-1), CLASSES).to(torch.float64),
        direction=direction / direction.norm(dim=-1, keepdim=True), first=draw(WIDTH, UNITS), second=draw(UNITS, CLASSES),
        matrix=matrix / torch.linalg.matrix_norm(matrix, 2)[:, None, None], seed=seed,
    )


def noise_moments(problem: Problem, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Mean gram (S, R, d, d) and mean XᵀY (S, R, d) of the first counts (S,) of COPIES copies with noise of variance ½ kept."""
    rngs = generators(range(problem.seed * SEEDS + 1_000_000, problem.seed * SEEDS + 1_000_000 + SEEDS))
    most = int(counts.max())
    grams, rights = [], []
    for x, y, rng in zip(problem.inputs, problem.targets, rngs, strict=True):
        copies = torch.randn(most, *x.shape, generator=rng).to(torch.float64).mul_(0.5**0.5).add_(x)
        gram = (copies.mT @ copies).cumsum(0)[counts - 1] / (counts * len(x))[:, None, None]
        right = (y @ copies).cumsum(0)[counts - 1] / (counts * len(x))[:, None]
        grams.append(gram)
        rights.append(right)
    return torch.stack(grams, 1), torch.stack(rights, 1)
