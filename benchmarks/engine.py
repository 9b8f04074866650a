"""How many model-steps a CPU second buys: the engine's `train` against the tutorial loop and scikit-learn.

MLP 2-16-16-1 tanh, binary cross-entropy, Adam, batches of 64 from 1,024 points shuffled every epoch, one
thread, every batch loss kept by all. Numbers are ratios of rates measured side by side in CPU time, so that
other load on the machine matters little; the spread is the interquartile range of the ratio over the repeats.

Run: python -m benchmarks.engine
"""

import time
import warnings
from collections.abc import Callable
from statistics import median, quantiles

import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from torch import Tensor, nn

from core.engine import MLP, Adam, binary_cross_entropy, generators, train

N, BATCH = 1024, 64
SIZES = (1, 8, 32)


def _data() -> tuple[Tensor, Tensor]:
    """x [N, 2] and y [N, 1], two classes in the plane."""
    x = torch.randn(N, 2, generator=torch.Generator().manual_seed(0))
    return x, (x[:, :1] * x[:, 1:] > 0).float()


def tutorial(x: Tensor, y: Tensor, steps: int) -> None:
    """What a student writes first."""
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1))
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    loss_function = nn.BCEWithLogitsLoss()
    losses = []
    while len(losses) < steps:
        for index in torch.randperm(N).split(BATCH):
            optimiser.zero_grad()
            loss = loss_function(model(x[index]), y[index])
            loss.backward()
            optimiser.step()
            losses.append(loss.item())


def engine(x: Tensor, y: Tensor, steps: int, K: int) -> None:
    """K models through the public `train`, with its divergence checks and history."""
    mlp, rngs = MLP((2, 16, 16, 1)), generators(range(K))
    for _ in train(
        mlp,
        mlp.init(rngs),
        x.T.unsqueeze(0),
        y.T.unsqueeze(0),
        binary_cross_entropy,
        Adam(1e-2),
        steps=steps,
        batch_size=BATCH,
        generators=rngs,
    ):
        pass


def scikit_learn(x: Tensor, y: Tensor, steps: int) -> None:
    """MLPClassifier.fit on the same problem."""
    epochs = steps * BATCH // N
    model = MLPClassifier((16, 16), activation="tanh", alpha=0, learning_rate_init=1e-2, max_iter=epochs)
    model.set_params(batch_size=BATCH, n_iter_no_change=epochs + 1, tol=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(x.numpy(), y.numpy()[:, 0])


def _rate(run: Callable[[], None], model_steps: int) -> float:
    start = time.process_time()
    run()
    return model_steps / (time.process_time() - start)


def measure(repeats: int = 9, steps: int = 1600) -> dict[str, float]:
    """Ratios to the tutorial loop, "engine.K1" and so on, their ".spread", and rates per CPU second in
    ".rate".

    steps: updates per repeat, a multiple of an epoch's 16. The competitors take turns; repeat 0 warms up.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    x, y = _data()
    runs: dict[str, tuple[Callable[[], None], int]] = {
        "tutorial": (lambda: tutorial(x, y, steps), steps),
        "scikit-learn": (lambda: scikit_learn(x, y, steps), steps),
    }
    for K in SIZES:
        runs[f"engine.K{K}"] = (lambda K=K: engine(x, y, steps, K)), K * steps
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(repeats + 1):
        for name, (run, model_steps) in runs.items():
            rate = _rate(run, model_steps)
            if repeat:
                rates[name].append(rate)
    torch.set_num_threads(threads)
    result: dict[str, float] = {}
    for name, values in rates.items():
        ratios = [value / base for value, base in zip(values, rates["tutorial"], strict=True)]
        low, _, high = quantiles(ratios, n=4)
        result |= {name: median(ratios), f"{name}.spread": high - low, f"{name}.rate": median(values)}
    return result


if __name__ == "__main__":
    table = measure()
    print(f"{'':16}{'model-steps/s':>14}{'ratio':>9}{'spread':>9}")
    for name in (key for key in table if f"{key}.rate" in table):
        print(f"{name:16}{table[f'{name}.rate']:14,.0f}{table[name]:9.1f}{table[f'{name}.spread']:9.1f}")
