"""The MLP with task conditioning against torch.nn, and what each way of conditioning is for one task: an MLP."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.engine import MLP, ConditionedMLP, generators, normals
from core.engine.conditioned import MODES

from .networks import check_rows, check_start, check_training, check_weight_mask, close, float64

K, N, TASKS = 3, 8, 3
NETS = [ConditionedMLP((2, 6, 5, 2), TASKS, mode) for mode in MODES]
CASES = pytest.mark.parametrize("net", NETS, ids=MODES)


class Module(nn.Module):
    def __init__(self, net: ConditionedMLP) -> None:
        super().__init__()
        self.mode, self.tasks = net.mode, net.tasks
        d, *hidden, C = net.sizes
        sizes = [d + net.tasks * (net.mode == "concatenate"), *hidden, C * (net.tasks if net.mode == "heads" else 1)]
        self.layers = nn.ModuleList(nn.Linear(i, o) for i, o in pairwise(sizes))
        widths = [width for width in hidden for _ in range({"sum": 1, "gate": 2}.get(net.mode, 0))]
        self.maps = nn.ModuleList(nn.Linear(net.tasks, width, bias=False) for width in widths)
        if net.mode == "gate":
            for parameter in self.maps.parameters():
                nn.init.zeros_(parameter)

    def forward(self, x: tuple[Tensor, Tensor]) -> Tensor:
        h, task = x[0].T, x[1]
        z = F.one_hot(task, self.tasks).to(h.dtype)
        if self.mode == "concatenate":
            h = torch.cat([h, z], 1)
        maps = [linear(z) for linear in self.maps]
        for i, layer in enumerate(self.layers[:-1]):
            h = layer(h)
            if self.mode == "sum":
                h = h + maps[i]
            if self.mode == "gate":
                h = (1 + maps[2 * i]) * h + maps[2 * i + 1]
            h = torch.tanh(h)
        out = self.layers[-1](h)
        if self.mode == "heads":
            heads = out.chunk(self.tasks, 1)
            out = torch.stack([heads[int(t)][i] for i, t in enumerate(task)])
        return out.T


def problem(net, shared_x=False, n=N):
    """theta [K, P] away from the start, and x = inputs [1 or K, 2, n], tasks [1 or K, n] of every kind."""
    rngs = generators(range(9, 10 if shared_x else 9 + K))
    task = torch.stack([torch.randint(net.tasks, (n,), generator=g) for g in rngs])
    theta = normals(generators(range(K)), net.P, dtype=float64) / 2
    return theta, (normals(rngs, net.sizes[0], n, dtype=float64), task)


def mlp_of(net, theta, task):
    """The MLP that the network is for samples of one task, and its theta."""
    parts = {name: part.clone() for name, part in net.named(theta).items()}
    last, d = len(net.sizes) - 1, net.sizes[0]
    if net.mode == "concatenate":
        parts["bias1"] += parts["weight1"][:, :, d + task]
        parts["weight1"] = parts["weight1"][:, :, :d]
    if net.mode == "heads":
        for name in (f"weight{last}", f"bias{last}"):
            parts[name] = parts[name].chunk(net.tasks, 1)[task]
    for i in range(1, last):
        if net.mode == "sum":
            parts[f"bias{i}"] += parts[f"weight_z{i}"][:, :, task]
        if net.mode == "gate":
            gamma = 1 + parts[f"weight_gamma{i}"][:, :, task]
            parts[f"weight{i}"] *= gamma.unsqueeze(2)
            parts[f"bias{i}"] = gamma * parts[f"bias{i}"] + parts[f"weight_beta{i}"][:, :, task]
    mlp = MLP(net.sizes, net.activation)
    return mlp, torch.cat([parts[name].flatten(1) for name in mlp.layout], 1)


@CASES
def test_start_is_the_module_of_the_same_seed(net):
    check_start(net, lambda: Module(net))
    check_weight_mask(net, lambda: Module(net))


@CASES
@pytest.mark.parametrize("shared_x", [False, True])
def test_output_and_gradient_equal_torch_row_by_row(net, shared_x):
    check_rows(net, lambda: Module(net), *problem(net, shared_x))


@CASES
def test_training_equals_torch_step_for_step(net):
    check_training(net, lambda: Module(net), *problem(net))


@pytest.mark.parametrize("tasks", [1, TASKS])
@pytest.mark.parametrize("sizes", [(2, 6, 5, 2), (2, 4, 1)])
@pytest.mark.parametrize("mode", MODES)
def test_each_task_has_an_mlp(mode, sizes, tasks):
    net = ConditionedMLP(sizes, tasks, mode, "sigmoid")
    theta, (x, task) = problem(net)
    for t in range(tasks):
        mlp, row = mlp_of(net, theta, t)
        close(net.forward(theta, (x, torch.full_like(task, t))), mlp.forward(row, x))


@CASES
def test_with_neutral_conditioning_every_task_has_the_same_mlp(net):
    theta, x = problem(net)
    parts = net.named(theta)
    if net.mode == "concatenate":
        parts["weight1"][:, :, net.sizes[0] :] = 0
    if net.mode == "heads":
        for name in ("weight3", "bias3"):
            parts[name].copy_(torch.cat([parts[name].chunk(TASKS, 1)[0]] * TASKS, 1))
    for name, part in parts.items():
        if name.startswith("weight_"):
            part.zero_()
    mlp, row = mlp_of(net, theta, 0)
    close(net.forward(theta, x), mlp.forward(row, x[0]))


def test_gating_starts_as_the_mlp_of_the_same_draws():
    net, mlp = ConditionedMLP((2, 6, 5, 2), TASKS, "gate"), MLP((2, 6, 5, 2))
    _, x = problem(net)
    theta, row = (network.init(generators(range(K)), dtype=float64) for network in (net, mlp))
    assert torch.equal(theta[:, : mlp.P], row)
    close(net.forward(theta, x), mlp.forward(row, x[0]))


def test_sum_is_concatenation_at_one_hidden_layer_and_gating_without_gamma():
    joined, added, gated = (ConditionedMLP((2, 6, 1), TASKS, mode) for mode in ("concatenate", "sum", "gate"))
    theta, x = problem(joined)
    other, gate = theta.new_zeros(K, added.P), theta.new_zeros(K, gated.P)
    for name, part in joined.named(theta).items():
        added.named(other)[name].copy_(part[:, :, :2] if name == "weight1" else part)
    added.named(other)["weight_z1"].copy_(joined.named(theta)["weight1"][:, :, 2:])
    close(added.forward(other, x), joined.forward(theta, x))
    for name, part in added.named(other).items():
        gated.named(gate)[name.replace("_z", "_beta")].copy_(part)
    close(gated.forward(gate, x), added.forward(other, x))


def test_a_head_that_diverged_leaves_the_other_tasks_alone():
    net = ConditionedMLP((2, 6, 1), TASKS, "heads")
    theta, (x, task) = problem(net)
    before = net.forward(theta, (x, task))
    net.named(theta)["bias2"][:, 1] = float("inf")
    after = net.forward(theta, (x, task))
    assert torch.equal(after[:, 0][task != 1], before[:, 0][task != 1]) and after[:, 0][task == 1].isinf().all()


def sample(task):
    return torch.zeros(1, 2, 1), torch.tensor([[task]])


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: ConditionedMLP((2,)), "sizes"),
        (lambda: ConditionedMLP((2, 1), mode="sum"), "sizes"),
        (lambda: ConditionedMLP((2, 1), mode="gate"), "sizes"),
        (lambda: ConditionedMLP(activation="swish"), "activation"),
        (lambda: ConditionedMLP(tasks=0), "tasks"),
        (lambda: ConditionedMLP(mode="attention"), "mode"),
        *((lambda net=net: net.forward(torch.zeros(1, 3), sample(0)), "theta") for net in NETS),
        *((lambda net=net, t=t: net.forward(torch.zeros(1, net.P), sample(t)), "task") for net in NETS for t in (-1, TASKS)),
    ],
)
def test_errors_name_the_field(make, field):
    with pytest.raises(ValueError, match=f"^{field}[=:]"):
        make()


def test_is_hashable():
    assert len({*NETS, ConditionedMLP([2, 6, 5, 2], TASKS)}) == len(MODES)  # pyright: ignore[reportArgumentType]
