"""The convolutional net of K rows: against nn.Sequential, its hand-written passes against autograd, row by row."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.engine import (
    SGD,
    Adam,
    Conv,
    ConvNet,
    autograd_gradient,
    cross_entropy,
    generators,
    normals,
    permutations,
    spawn,
    train,
)
from tests.engine.conftest import ACTIVATIONS
from tests.engine.passes import gradient

K, n, O = 3, 6, 4
float64 = torch.float64

PATCHES = (Conv(8, 2, 2), Conv(8, 1), Conv(16, 2, 2), Conv(16, 1))
NETS = {
    "same, max": ConvNet((1, 8, 8), (Conv(4, padding=1, pool="max"), Conv(8, padding=1, pool="max")), O),
    "same, average, tanh": ConvNet((2, 8, 8), (Conv(4, 5, padding=2, pool="average"), Conv(8, pool="average")), O, "tanh"),
    "circular": ConvNet((2, 6, 6), (Conv(4, padding=1), Conv(4, 5, 2, 2)), O, "sigmoid", "circular"),
    "circular, as wide as the image": ConvNet((1, 2, 2), (Conv(4, 3, padding=2),), O, "tanh", "circular"),
    "strides, a rest": ConvNet((1, 7, 5), (Conv(4, 3, 2), Conv(4, 2, 1, 1)), O, "leaky_relu"),
    "strided 1 x 1, overlapping, global pool": ConvNet((1, 9, 9), (Conv(4, 1, 2), Conv(4, 3, 1, 1, "max", 5)), O, "tanh"),
    "patches": ConvNet((1, 8, 8), PATCHES, O),
    "no convolution": ConvNet((2, 3, 3), (), O),
}


def close(a, b, tolerance=1e-10):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


@torch.random.fork_rng()
def build(net: ConvNet, row: Tensor, kind: str = "none") -> nn.Sequential:
    """`net` with the parameters `row` [P] and one kind of norm as a module."""
    norms = {
        "batch": nn.BatchNorm2d,
        "layer": lambda channels: nn.GroupNorm(1, channels),
        "group": lambda channels: nn.GroupNorm(net.groups, channels),
        "instance": lambda channels: nn.InstanceNorm2d(channels, affine=True),
    }
    pools = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}
    modules: list[nn.Module] = []
    channels = net.inputs[0]
    for conv in net.layers:
        modules.append(nn.Conv2d(channels, conv.channels, conv.size, conv.stride, conv.padding, padding_mode=net.padding_mode))
        if kind != "none":
            modules.append(norms[kind](conv.channels))
        modules.append(ACTIVATIONS[net.activation]())
        if conv.pool:
            modules.append(pools[conv.pool](conv.pool_size))
        channels = conv.channels
    model = nn.Sequential(*modules, nn.Flatten(), nn.Linear(net.features, net.outputs)).to(row.dtype)
    nn.utils.vector_to_parameters(row, model.parameters())
    return model


def flat(model: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(model.parameters()).detach()


def problem(net: ConvNet, rows: int = K, models: int = K) -> tuple[Tensor, Tensor, Tensor]:
    theta = normals(generators(range(models)), net.P, dtype=float64) * 0.5
    x = normals(generators(range(9, 9 + rows)), *net.inputs, n, dtype=float64)
    y = torch.stack([torch.randint(O, (n,), generator=g) for g in generators(range(20, 20 + rows))])
    return theta, x, y


def by_autograd(net, theta, x, y, **options):
    return autograd_gradient(lambda t: cross_entropy.value(net.forward(t, x, train=True, **options), y), theta)


@pytest.mark.parametrize("rows", [1, K])
@pytest.mark.parametrize("net", NETS.values(), ids=NETS.keys())
def test_equals_sequential_and_autograd(net, rows):
    theta, x, y = problem(net, rows)
    value, grad = gradient(net, theta, x, y, cross_entropy)
    other_value, other = by_autograd(net, theta, x, y)
    close(value, other_value)
    close(grad, other)
    for k in range(K):
        model = build(net, theta[k])
        loss = F.cross_entropy(model(x[k % rows].movedim(-1, 0)), y[k % rows])
        loss.backward()
        close(value[k], loss.detach())
        close(grad[k], nn.utils.parameters_to_vector([p.grad for p in model.parameters()]))


@pytest.mark.parametrize("layers", [PATCHES, (Conv(4, padding=1, pool="max"), Conv(8, padding=1, pool="average"))],
                         ids=["patches", "3 x 3"])
@pytest.mark.parametrize("kind", ["batch", "layer", "group", "instance"])
def test_norms_equal_torch(kind, layers):
    net = ConvNet((1, 8, 8), layers, O, norm=kind, groups=2)
    theta, x, y = problem(net)
    stats = net.running_stats(K, float64)
    value, grad = gradient(net, theta, x, y, cross_entropy, stats=stats)
    other_value, other = by_autograd(net, theta, x, y)
    close(value, other_value)
    close(grad, other)
    for k in range(K):
        model = build(net, theta[k], kind)
        loss = F.cross_entropy(model(x[k].movedim(-1, 0)), y[k])
        loss.backward()
        close(grad[k], nn.utils.parameters_to_vector([p.grad for p in model.parameters()]))
        if stats is not None:
            for found, name in ((stats.mean, "running_mean"), (stats.var, "running_var")):
                close(found[k], torch.cat([b for full, b in model.named_buffers() if full.endswith(name)]))
        options = {} if stats is None else {"stats": stats.rows(k, k + 1)}
        out = net.forward(theta[k : k + 1], x[k : k + 1], **options)
        close(out[0].T, model.eval()(x[k].movedim(-1, 0)).detach())


def test_blocks_of_rows_have_norms_of_their_own():
    kinds = ("instance", "none", "batch", "group", "layer")
    net = ConvNet((1, 8, 8), PATCHES, O, norm=kinds, groups=4)
    theta, x, y = problem(net, rows=1, models=2 * len(kinds))
    value, grad = gradient(net, theta, x, y, cross_entropy)
    other_value, other = by_autograd(net, theta, x, y)
    close(value, other_value)
    close(grad, other)
    scales = [entry.part for name, entry in net.layout.items() if name.startswith(("gamma", "beta"))]
    for i, kind in enumerate(kinds):
        rows = slice(2 * i, 2 * i + 2)
        alone, there = theta[rows], grad[rows]
        if kind == "none":
            assert all(not there[:, part].any() for part in scales)
            keep = torch.ones(net.P, dtype=torch.bool)
            for part in scales:
                keep[part] = False
            alone, there = alone[:, keep], there[:, keep]
        lone_value, lone = gradient(replace(net, norm=kind), alone, x, y, cross_entropy)
        close(value[rows], lone_value)
        close(there, lone)
    with pytest.raises(ValueError, match="norm"):
        net.forward(theta[:7], x, train=True)


def test_batch_norm_of_a_batch_of_two():
    """Equal to torch, and every unit of a 1 x 1 image becomes +1 and -1, but for epsilon."""
    net = ConvNet((1, 8, 8), PATCHES, O, norm="batch")
    theta, x, y = problem(net)
    x, y = x[..., :2], y[:, :2]
    _, grad = gradient(net, theta, x, y, cross_entropy)
    for k in range(K):
        model = build(net, theta[k], "batch")
        F.cross_entropy(model(x[k].movedim(-1, 0)), y[k]).backward()
        close(grad[k], nn.utils.parameters_to_vector([p.grad for p in model.parameters()]))
    kernel = ConvNet((1, 2, 2), (Conv(8, 2),), O, norm="batch").kernel(theta[:, : 8 * 7 + 9 * O], 2)
    kernel.forward(x[:, :, :2, :2])
    end = (kernel.var[0] / (kernel.var[0] + 1e-5)).sqrt()
    close(kernel.normalised[0].abs(), end.expand(-1, -1, 1, 2))
    close(kernel.normalised[0].sum(3), torch.zeros(K, 8, 1, dtype=float64))


@pytest.mark.parametrize("scale", [0.1, 7.0])
@pytest.mark.parametrize("kind", ["batch", "layer", "group", "instance"])
def test_weights_before_a_norm_have_no_scale(kind, scale):
    """Scaled with their biases they change nothing, and their gradient is divided; epsilon = 0."""
    net = ConvNet((1, 8, 8), (Conv(4), Conv(8)), O, norm=kind, groups=2, norm_epsilon=0.0)
    theta, x, y = problem(net)
    factors = torch.ones(net.P, dtype=float64)
    for name, entry in net.layout.items():
        if name in ("weight1", "bias1", "weight2", "bias2"):
            factors[entry.part] = scale
    value, grad = gradient(net, theta, x, y, cross_entropy)
    other_value, other = gradient(net, theta * factors, x, y, cross_entropy)
    close(other_value, value)
    close(other, grad / factors)


def test_group_norm_has_layer_norm_and_instance_norm_at_its_ends():
    net = ConvNet((1, 8, 8), (Conv(8), Conv(8)), O, norm="group", groups=1)
    theta, x, _ = problem(net)
    close(net.forward(theta, x), replace(net, norm="layer").forward(theta, x))
    instance = replace(net, norm="instance")
    close(replace(net, groups=8).forward(theta, x), instance.forward(theta, x))
    one = x[..., :1]
    close(replace(net, norm="batch").forward(theta, one, train=True), instance.forward(theta, one))


def test_eval_mode_gradient_of_batch_norm():
    net = ConvNet((1, 8, 8), PATCHES, O, norm=("batch", "none"))
    theta, x, y = problem(net, models=4, rows=4)
    stats = net.running_stats(4, float64)
    assert stats is not None
    net.forward(theta, x, train=True, stats=stats)
    before = stats.clone()
    assert not before.mean[2:].any() and before.mean[:2].all() and (before.var[2:] == 1).all()
    value, grad = gradient(net, theta, x, y, cross_entropy, train=False, stats=stats)
    other_value, other = autograd_gradient(lambda t: cross_entropy.value(net.forward(t, x, stats=stats), y), theta)
    close(value, other_value)
    close(grad, other)
    assert torch.equal(before.mean, stats.mean) and torch.equal(before.var, stats.var)
    with pytest.raises(ValueError, match="stats"):
        net.forward(theta, x)


def test_a_tie_in_a_maximum_counts_once():
    """Images of one grey: all pixels of a pooling window are equal, and so are their gradients."""
    net = ConvNet((1, 4, 4), (Conv(3, 1, pool="max"),), O, "tanh")
    theta, x, y = problem(net)
    x = x[:, :, :1, :1].expand(-1, -1, 4, 4, -1).contiguous()
    _, grad = gradient(net, theta, x, y, cross_entropy)
    close(grad, by_autograd(net, theta, x, y)[1])
    model = build(net, theta[1])
    F.cross_entropy(model(x[1].movedim(-1, 0)), y[1]).backward()
    close(grad[1], nn.utils.parameters_to_vector([p.grad for p in model.parameters()]))


@pytest.mark.parametrize("norm", ["none", "batch", "group"])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(lambda lr: SGD(lr, momentum=0.9), lambda p, lr: torch.optim.SGD(p, lr, 0.9)), (lambda lr: Adam(lr), torch.optim.Adam)],
    ids=["SGD", "Adam"],
)
def test_follows_the_tutorial_loop(ours, theirs, norm):
    """30 updates of 3 models with their own batches and learning rates."""
    net = ConvNet((1, 8, 8), (Conv(4, padding=1, pool="max"), Conv(8, padding=1, pool="max")), O, norm=norm)
    N, B, steps, seeds = 20, 8, 30, [1, 2, 3]
    x = normals(generators([0]), *net.inputs, N, dtype=float64)
    y = torch.randint(O, (1, N), generator=generators([5])[0])
    rates = torch.tensor([0.001, 0.003, 0.01], dtype=float64)
    theta = net.init(generators(seeds), dtype=float64)
    *_, end = train(net, theta, x, y, cross_entropy, ours(rates), steps=steps, batch_size=B, generators=generators(seeds))
    rngs = spawn(generators(seeds))
    orders = [permutations(rngs, N) for _ in range(steps)]
    # A bias before batch norm has no gradient but rounding, which Adam divides by its own size (see test_train.py).
    allowed = torch.full((net.P,), 1e-9, dtype=float64)
    for name, entry in net.layout.items():
        if norm == "batch" and name in ("bias1", "bias2"):
            allowed[entry.part] += steps * float(rates.max()) * 1e-14 / 1e-8
    for k in range(K):
        model = build(net, theta[k], norm)
        optimiser = theirs(model.parameters(), lr=float(rates[k]))
        losses = []
        for index in (part for order in orders for part in order[k].split(B)):
            if len(losses) == steps:
                break
            optimiser.zero_grad()
            loss = F.cross_entropy(model(x[0, ..., index].movedim(-1, 0)), y[0, index])
            loss.backward()
            optimiser.step()
            losses.append(loss.detach())
        close(end.batch_loss[:, k], torch.stack(losses), 1e-8)
        off = (end.theta[k] - flat(model)).abs() - 1e-8 * flat(model).abs()
        assert bool((off <= allowed).all()), off.max()


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_a_row_does_not_depend_on_the_number_of_rows(norm):
    net = ConvNet(norm=norm)
    x = normals(generators([0]), 1, 8, 8, 64, dtype=float64)
    y = torch.randint(10, (1, 64), generator=generators([5])[0])

    def run(seeds):
        rngs = generators(seeds)
        theta = net.init(rngs, dtype=float64)
        *_, end = train(net, theta, x, y, cross_entropy, SGD(0.05), steps=20, batch_size=16, generators=rngs)
        return end

    many = run(range(8))
    for k in (0, 5):
        alone = run([k])
        close(many.theta[k], alone.theta[0])
        close(many.batch_loss[:, k], alone.batch_loss[:, 0])


def test_torch_start_is_the_module_of_the_same_seed():
    net = ConvNet(norm="batch")
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 16, 3), nn.BatchNorm2d(16), nn.Linear(64, 10))
    assert [e.shape for e in net.layout.values()] == [tuple(p.shape) for p in model.parameters()]
    torch.testing.assert_close(net.init(generators([3, 7]))[1], flat(model), rtol=1e-6, atol=0)
    mask = net.weight_mask()
    assert mask.sum() == 8 * 9 + 16 * 8 * 9 + 640 and mask[net.layout["gamma1"].part].sum() == 0


def test_many_rows_go_in_chunks(monkeypatch):
    net = ConvNet(norm="batch")
    theta, x = normals(generators(range(7)), net.P), normals(generators(range(7)), 1, 8, 8, n)
    stats = net.running_stats(7)
    assert stats is not None
    net.forward(theta, x, train=True, stats=stats)
    whole = net.forward(theta, x, stats=stats), net.forward(theta, x[:1], stats=stats)
    monkeypatch.setattr("core.engine.conv.CHUNK", 2 * 64 * 9 * 8 * n)
    parts = net.forward(theta, x, stats=stats), net.forward(theta, x[:1], stats=stats)
    close(whole, parts, 1e-5)


def test_second_derivatives_by_autograd():
    net = ConvNet((1, 4, 4), (Conv(2, padding=1, pool="average"),), 2, "tanh", norm="layer")
    theta = normals(generators([0]), net.P, dtype=float64)
    x, y = normals(generators([1]), 1, 4, 4, n, dtype=float64), torch.arange(n)[None] % 2
    direction = normals(generators([3]), net.P, dtype=float64)
    leaf = theta.clone().requires_grad_()
    (grad,) = torch.autograd.grad(cross_entropy.value(net.forward(leaf, x), y).sum(), leaf, create_graph=True)
    (product,) = torch.autograd.grad((grad * direction).sum(), leaf)
    h = 1e-5
    ahead, back = (gradient(net, theta + s * h * direction, x, y, cross_entropy)[1] for s in (1, -1))
    close(product, (ahead - back) / (2 * h), 1e-6)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"inputs": (8, 8)}, "inputs"),
        ({"layers": (Conv(8, 9),)}, "layers"),
        ({"layers": (Conv(8, 2, 2, pool="median"),)}, "layers: pool"),
        ({"layers": (Conv(8, padding=1, pool="max", pool_size=3),)}, "layers: pool_size"),
        ({"layers": (Conv(8, 3, 0),)}, "layers"),
        ({"outputs": 0}, "outputs"),
        ({"activation": "step"}, "activation"),
        ({"padding_mode": "reflect"}, "padding_mode"),
        ({"norm": "weight"}, "norm"),
        ({"norm": ("none", None)}, "norm"),
        ({"norm": ()}, "norm"),
        ({"norm": "group", "groups": 3}, "groups"),
    ],
)
def test_errors_name_the_field(options, field):
    with pytest.raises(ValueError, match=f"^{field}"):
        ConvNet(**options)
