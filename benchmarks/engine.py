"""How many model-steps a CPU second buys: the engine's `train` against the tutorial loop and scikit-learn.

MLP 2-16-16-1 tanh, binary cross-entropy, Adam, batches of 64 from 1,024 points; and a small convolutional net (1 -> 8 -> 16
channels, 3 x 3, max pooling, 10 classes), cross-entropy, Adam, batches of 32 from 1,024 digits of 8 x 8 pixels. Data are
shuffled every epoch, one thread, every batch loss kept by all. Numbers are ratios of rates measured side by side in CPU
time, so that other load on the machine matters little; the spread is the interquartile range of the ratio over the repeats.

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

from core.data import real
from core.engine import MLP, Adam, Conv, ConvNet, binary_cross_entropy, cross_entropy, generators, train

N, BATCH = 1024, 64
SIZES = (1, 8, 32)
CONV_BATCH, CONV_SIZES, CONV_STEPS = 32, (8, 32), 160


def _data() -> tuple[Tensor, Tensor]:
    """x [N, 2] and y [N, 1], two classes in the plane."""
    x = torch.randn(N, 2, generator=torch.Generator().manual_seed(0))
    return x, (x[:, :1] * x[:, 1:] > 0).float()


def _digits() -> tuple[Tensor, Tensor]:
    """Standardised images [N, 1, 8, 8] and labels [N]."""
    digits = real.digits()
    images = digits.images_NHW[:N].float()
    return ((images - images.mean()) / images.std())[:, None], digits.labels_N[:N]


def _descend(model: nn.Module, loss_function: nn.Module, x: Tensor, y: Tensor, steps: int, batch: int, rate: float) -> None:
    """What a student writes first."""
    optimiser = torch.optim.Adam(model.parameters(), lr=rate)
    losses = []
    while len(losses) < steps:
        for index in torch.randperm(N).split(batch):
            optimiser.zero_grad()
            loss = loss_function(model(x[index]), y[index])
            loss.backward()
            optimiser.step()
            losses.append(loss.item())


def tutorial(x: Tensor, y: Tensor, steps: int) -> None:
    """The MLP in torch.nn and torch.optim."""
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1))
    _descend(model, nn.BCEWithLogitsLoss(), x, y, steps, BATCH, 1e-2)


def conv_tutorial(images: Tensor, labels: Tensor, steps: int) -> None:
    """The convolutional net in torch.nn and torch.optim."""
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64, 10),
    )
    _descend(model, nn.CrossEntropyLoss(), images, labels, steps, CONV_BATCH, 1e-3)


def conv_engine(images: Tensor, labels: Tensor, steps: int, K: int) -> None:
    """K convolutional nets through the public `train`."""
    net, rngs = ConvNet((1, 8, 8), (Conv(8, padding=1, pool="max"), Conv(16, padding=1, pool="max")), 10), generators(range(K))
    x = images.movedim(0, -1).unsqueeze(0)
    for _ in train(net, net.init(rngs), x, labels[None], cross_entropy, Adam(1e-3), steps=steps, batch_size=CONV_BATCH,
                   generators=rngs):
        pass


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
    """Ratios to the tutorial loop of the same net, "engine.K1" and so on, their ".spread", and rates per CPU second in
    ".rate".

    steps: updates per repeat, a multiple of an epoch's 16. The competitors take turns; repeat 0 warms up.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    x, y = _data()
    digits = _digits()
    runs: dict[str, tuple[Callable[[], None], int]] = {
        "tutorial": (lambda: tutorial(x, y, steps), steps),
        "scikit-learn": (lambda: scikit_learn(x, y, steps), steps),
    }
    for K in SIZES:
        runs[f"engine.K{K}"] = (lambda K=K: engine(x, y, steps, K)), K * steps
    runs["conv tutorial"] = (lambda: conv_tutorial(*digits, CONV_STEPS)), CONV_STEPS
    for K in CONV_SIZES:
        runs[f"engine.conv.K{K}"] = (lambda K=K: conv_engine(*digits, CONV_STEPS, K)), K * CONV_STEPS
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(repeats + 1):
        for name, (run, model_steps) in runs.items():
            rate = _rate(run, model_steps)
            if repeat:
                rates[name].append(rate)
    torch.set_num_threads(threads)
    result: dict[str, float] = {}
    for name, values in rates.items():
        base = "conv tutorial" if "conv" in name else "tutorial"
        ratios = [value / other for value, other in zip(values, rates[base], strict=True)]
        low, _, high = quantiles(ratios, n=4)
        result |= {name: median(ratios), f"{name}.spread": high - low, f"{name}.rate": median(values)}
    return result


if __name__ == "__main__":
    table = measure()
    print(f"{'':16}{'model-steps/s':>14}{'ratio':>9}{'spread':>9}")
    for name in (key for key in table if f"{key}.rate" in table):
        print(f"{name:16}{table[f'{name}.rate']:14,.0f}{table[name]:9.1f}{table[f'{name}.spread']:9.1f}")
