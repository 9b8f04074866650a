"""Training runs: against the tutorial loop, row by row, reproducible, honest about divergence."""

import pytest
import torch
from torch import nn

from core.engine import (
    L2,
    MLP,
    SGD,
    Adam,
    bernoulli,
    binary_cross_entropy,
    cross_entropy,
    generators,
    minibatches,
    normals,
    permutations,
    soft_threshold,
    spawn,
    squared,
    train,
    uniforms,
)

float64 = torch.float64


def data(n=96, dtype=torch.float32, rows=1):
    x = normals(generators(range(100, 100 + rows)), 2, n, dtype=dtype)
    return x, (x[:, :1] * x[:, 1:] > 0).to(dtype)


def last(*args, **options):
    *_, progress = train(*args, **options)
    return progress


def tutorial(model, optimiser, loss_function, x, y, orders, batch_size, steps):
    """x [N, d], y [N, C]; orders: one permutation per epoch."""
    losses = []
    for order in orders:
        for index in order.split(batch_size):
            if len(losses) == steps:
                return torch.stack(losses)
            optimiser.zero_grad()
            loss = loss_function(model(x[index]), y[index])
            loss.backward()
            optimiser.step()
            losses.append(loss.detach())
    return torch.stack(losses)


def tolerance(mlp: MLP, steps: int, rate: float) -> torch.Tensor:
    """How far [P] two correct runs of Adam or SGD in float64 may be apart on any processor.

    A bias before batch norm has no gradient but the rounding of the B terms that cancel in it, some 1e-15. Adam divides
    it by √v̂ + 1e-8, so that each step moves that bias by up to rate · 1e-15 / 1e-8; the function does not depend on it.
    """
    allowed = torch.full((mlp.P,), 1e-9, dtype=float64)
    if mlp.norm == "batch":
        for i, _ in enumerate(mlp.hidden, 1):
            allowed[mlp.layout[f"bias{i}"].part] += steps * rate * 1e-15 / 1e-8
    return allowed


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("norm", [None, "batch", "layer"])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            lambda lr: SGD(lr, momentum=0.9, nesterov=True),
            lambda p, lr: torch.optim.SGD(p, lr, 0.9, nesterov=True),
        ),
        (lambda lr: Adam(lr), torch.optim.Adam),
    ],
)
def test_follows_the_tutorial_loop(ours, theirs, norm, rows, sequential):
    """60 updates of 3 models with their own batches, learning rates and, with rows=3, data."""
    mlp, steps, N, B = MLP((2, 8, 8, 1), norm=norm), 60, 90, 16
    x, y = data(N, float64, rows)
    seeds, rates = [1, 2, 3], torch.tensor([0.003, 0.01, 0.03], dtype=float64)
    theta = mlp.init(generators(seeds), dtype=float64)
    progress = last(
        mlp,
        theta,
        x,
        y,
        binary_cross_entropy,
        ours(rates),
        steps=steps,
        batch_size=B,
        generators=generators(seeds),
    )
    order_rngs = spawn(generators(seeds))
    orders = torch.stack([permutations(order_rngs, N) for _ in range(-(-steps * B // N) + 1)])
    for k in range(3):
        model = sequential(mlp, theta[k])
        xk, yk = x[k % rows].T, y[k % rows].T
        optimiser = theirs(model.parameters(), lr=float(rates[k]))
        losses = tutorial(model, optimiser, nn.BCEWithLogitsLoss(), xk, yk, orders[:, k], B, steps)
        expected = nn.utils.parameters_to_vector(model.parameters()).detach()
        off = (progress.theta[k] - expected).abs() - 1e-8 * expected.abs()
        assert bool((off <= tolerance(mlp, steps, float(rates[k]))).all()), off.max()
        torch.testing.assert_close(progress.batch_loss[:, k], losses, rtol=1e-8, atol=1e-9)
        if progress.stats is not None:
            means = model.get_buffer("1.running_mean"), model.get_buffer("4.running_mean")
            torch.testing.assert_close(progress.stats.mean[k], torch.cat(means))


OPTIONS = {
    "plain": {},
    "dropout": {"dropout": 0.3},
    "penalty": {"penalty": L2(0.01)},
    "noise": {"augment": lambda x, y, rngs: (x + 0.1 * normals(rngs, *x.shape[1:]), y)},
    "full batch": {"batch_size": None},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
@pytest.mark.parametrize("norm", [None, "batch"])
def test_a_row_does_not_depend_on_the_number_of_rows(options, norm):
    mlp = MLP((2, 16, 16, 1), norm=norm)
    x, y = data()

    def run(seeds):
        rngs = generators(seeds)
        theta = mlp.init(rngs)
        settings = {"steps": 40, "batch_size": 32, "generators": rngs} | options
        return last(mlp, theta, x, y, binary_cross_entropy, Adam(0.01), **settings)

    many = run(range(32))
    again = run(range(32))
    assert torch.equal(many.theta, again.theta) and torch.equal(many.batch_loss, again.batch_loss)
    for k in (0, 13, 31):
        alone = run([k])
        assert torch.equal(many.theta[k], alone.theta[0])
        assert torch.equal(many.batch_loss[:, k], alone.batch_loss[:, 0])


def test_rows_agree_to_rounding_at_sizes_that_do_not_fill_a_register():
    """BLAS picks kernels by alignment, so these rows differ in the last bit from the same model alone."""
    mlp = MLP((2, 7, 5, 1))
    x, y = data(90, float64)

    def run(seeds):
        rngs = generators(seeds)
        theta = mlp.init(rngs, dtype=float64)
        return last(mlp, theta, x, y, squared, Adam(0.01), steps=40, batch_size=13, generators=rngs).theta

    torch.testing.assert_close(run(range(8))[3:4], run([3]), rtol=1e-10, atol=1e-12)


def test_dropout_does_not_change_the_batches():
    x, y = data()
    mlp = MLP()
    seen = []

    def spy(xb, yb, _):
        seen.append(xb)
        return xb, yb

    for rate in (0.0, 0.5):
        rngs = generators([0, 1])
        last(
            mlp,
            mlp.init(rngs),
            x,
            y,
            squared,
            SGD(),
            steps=9,
            batch_size=20,
            generators=rngs,
            dropout=rate,
            augment=spy,
        )
    assert all(torch.equal(a, b) for a, b in zip(seen[:9], seen[9:], strict=True))


def test_dropout_of_rate_zero_is_no_dropout_row_by_row():
    x, y = data()
    mlp = MLP()

    def run(dropout):
        rngs = generators([5, 5])
        theta = mlp.init(rngs)
        return last(
            mlp, theta, x, y, squared, SGD(0.1), steps=20, generators=generators([5, 5]), dropout=dropout
        ).theta

    mixed = run(torch.tensor([0.0, 0.5]))
    assert torch.equal(mixed[0], run(0.0)[0]) and not torch.equal(mixed[1], mixed[0])


def test_divergence_is_recorded_and_disturbs_nobody():
    mlp = MLP((2, 8, 1), "relu")
    x, y = data()
    steps = 400

    def run(rates):
        rngs = generators([0] * len(rates))
        options = {"batch_size": 16, "snapshots": steps + 1, "record_every": 10, "evaluate": {"all": (x, y)}}
        optimiser = SGD(torch.tensor(rates))
        return last(mlp, mlp.init(rngs), x, y, squared, optimiser, steps=steps, generators=rngs, **options)

    sound, both = run([0.01]), run([0.01, 30.0])
    assert sound.diverged_at.tolist() == [-1] and both.diverged_at[0] == -1
    assert torch.equal(both.theta[0], sound.theta[0])
    t = int(both.diverged_at[1])
    assert 0 < t < steps
    losses, snapshots = both.batch_loss[:, 1], both.snapshots[:, 1]
    assert losses[:t].isfinite().all() and losses[t + 1 :].isnan().all()
    assert snapshots[: t + 1].isfinite().all() and (snapshots[t:] == snapshots[t]).all()
    assert not torch.equal(snapshots[t], snapshots[t - 1])
    assert losses[:t].max() > 1e6, "true values, not clipped"
    records = both.loss["all"][:, 1]
    assert torch.equal(records.isnan(), both.recorded > t)


def test_progress_and_history():
    mlp = MLP((2, 8, 3))
    x, _ = data()
    classes = (x[:, 0] > 0).long()
    rngs = generators(range(2))
    theta = mlp.init(rngs)
    start = theta.clone()
    penalty = L2(0.1)
    options = {"batch_size": 32, "evaluate": {"train": (x, classes)}, "record_every": 10, "snapshots": 6}
    optimiser = Adam(0.05)
    run = train(
        mlp,
        theta,
        x,
        classes,
        cross_entropy,
        optimiser,
        steps=25,
        generators=rngs,
        penalty=penalty,
        **options,
    )
    reports = list(run)
    assert [report.step for report in reports] == [0, 10, 20, 25]
    assert torch.equal(theta, start) and torch.equal(reports[0].theta, start)
    end = reports[-1]
    assert end.recorded.tolist() == [0, 10, 20, 25] and end.batch_loss.shape == (25, 2)
    assert end.snapshot_steps.tolist() == [0, 5, 10, 15, 20, 25]
    assert torch.equal(end.snapshots[-1], end.theta) and torch.equal(end.snapshots[2], reports[1].theta)
    out = mlp.forward(end.theta, x)
    torch.testing.assert_close(end.loss["train"][-1], cross_entropy.value(out, classes))
    assert cross_entropy.error is not None
    torch.testing.assert_close(end.error["train"][-1], cross_entropy.error(out, classes))
    torch.testing.assert_close(end.penalty[-1], penalty.value(end.theta, mlp.weight_mask()))
    assert end.error["train"][-1].max() < end.error["train"][0].min()
    assert torch.is_grad_enabled() and not end.theta.is_inference()


def test_a_reader_between_steps_keeps_autograd():
    x, y = data()
    mlp = MLP()
    rngs = generators([0])
    for progress in train(
        mlp, mlp.init(rngs), x, y, squared, SGD(), steps=3, generators=rngs, record_every=1
    ):
        leaf = progress.theta.requires_grad_()
        squared.value(mlp.forward(leaf, x), y).sum().backward()
        assert leaf.grad is not None


def test_projection_after_every_step_gives_exact_zeros():
    x, _ = data()
    y = 2 * x[:, :1]
    mlp = MLP((2, 1))
    rngs = generators([0])

    def proximal(theta):
        theta.copy_(soft_threshold(theta, 0.1 * 0.2))

    end = last(mlp, mlp.init(rngs), x, y, squared, SGD(0.1), steps=300, generators=rngs, project=proximal)
    assert end.theta[0, 1] == 0 and end.theta[0, 0] > 1


def test_minibatches_visit_every_sample_once_an_epoch():
    x = torch.arange(10.0).reshape(1, 1, 10)
    y = torch.arange(10).reshape(1, 10)
    batches = minibatches(x, y, 4, generators([0, 1]))
    for _ in range(3):
        epoch = [next(batches) for _ in range(3)]
        assert [xb.shape[-1] for xb, _ in epoch] == [4, 4, 2]
        xs, ys = (torch.cat(parts, -1) for parts in zip(*epoch, strict=True))
        assert torch.equal(xs[:, 0].long(), ys) and torch.equal(ys.sort().values, y.expand(2, -1))
        assert not torch.equal(ys[0], ys[1])
    sizes = [
        next(b)[0].shape[-1]
        for b in [minibatches(x, y, 4, generators([0]), drop_last=True)]
        for _ in range(4)
    ]
    assert sizes == [4, 4, 4, 4]


def test_draws_are_row_by_row():
    for draw in (
        lambda rngs: normals(rngs, 3, 5),
        lambda rngs: uniforms(rngs, 3, 5),
        lambda rngs: permutations(rngs, 17),
        lambda rngs: bernoulli(rngs, 0.3, 50),
    ):
        assert torch.equal(draw(generators([4, 5, 6]))[1], draw(generators([5]))[0])
    assert bernoulli(generators([0, 1]), torch.tensor([0.0, 1.0]), 9).mean(1).tolist() == [0, 1]
    first, second = spawn(generators([0, 0]))
    assert torch.equal(torch.rand(3, generator=first), torch.rand(3, generator=second))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"steps": 0}, "steps"),
        ({"batch_size": 0}, "batch_size"),
        ({"record_every": 0}, "record_every"),
        ({"generators": generators([0, 1])}, "generators"),
        ({"x": torch.zeros(1, 3, 96)}, "x"),
        ({"y": torch.zeros(1, 1, 95)}, "y"),
        ({"dropout": 1.0}, "dropout"),
        ({"snapshots": -1}, "snapshots"),
    ],
)
def test_errors_name_the_argument(changes, field):
    mlp = MLP()
    x, y = data()
    options = {"steps": 5, "generators": generators([0])} | changes
    x, y = options.pop("x", x), options.pop("y", y)
    with pytest.raises(ValueError, match=f"^{field}"):
        list(train(mlp, mlp.init(generators([0])), x, y, squared, SGD(), **options))


def test_the_masks_that_are_watched_are_those_that_trained():
    """Replayed by torch.nn and torch.optim, masks and batches lead to the same weights; to be watched changes nothing."""
    mlp, (x, y), rngs = MLP((2, 8, 6, 1), dropout=0.4), data(dtype=float64), generators([3, 4])
    start, seen = mlp.init(rngs, dtype=float64), []

    def watch(theta, batch, masks):
        assert torch.is_inference_mode_enabled()
        seen.append((theta.clone(), [part.clone() for part in batch], [mask.clone() for mask in masks]))

    options = {"steps": 12, "batch_size": 32}
    watched = last(mlp, start, x, y, binary_cross_entropy, Adam(0.05), generators=generators([8, 9]), watch=watch, **options)
    plain = last(mlp, start, x, y, binary_cross_entropy, Adam(0.05), generators=generators([8, 9]), **options)
    assert torch.equal(watched.theta, plain.theta)
    assert len(seen) == 12
    assert {float(v) for mask in seen[0][2] for v in mask.unique()} == {0.0, 1 / 0.6}
    for k in range(2):
        theta = start[k].clone().requires_grad_()
        optimiser = torch.optim.Adam([theta], 0.05)
        for before, (xb, yb), masks in seen:
            torch.testing.assert_close(before[k].clone(), theta.detach(), rtol=1e-9, atol=1e-10)
            h = xb[k].clone()
            *hidden, out = mlp.views(theta[None])
            for layer, mask in zip(hidden, masks, strict=True):
                h = torch.tanh(layer.weight[0] @ h + layer.bias[0]) * mask[k].clone()
            loss = nn.functional.binary_cross_entropy_with_logits(out.weight[0] @ h + out.bias[0], yb[k].clone())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        torch.testing.assert_close(theta.detach(), watched.theta[k], rtol=1e-9, atol=1e-10)


def test_without_dropout_there_are_no_masks_to_watch():
    x, y = data()
    seen = []
    last(MLP((2, 4, 1)), MLP((2, 4, 1)).init(generators([0])), x, y, squared, SGD(0.1), steps=2, generators=generators([0]),
         watch=lambda theta, batch, masks: seen.append(len(masks)))
    assert seen == [0, 0]
