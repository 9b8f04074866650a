"""Batch norm: the reader's batch, fairness of the arms, what the nets show over seeds, and plain PyTorch."""

import dataclasses
import math
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.engine import SGD, RunningStats, Supervised, Trainer, cross_entropy
from core.engine.block_norm import KINDS
from core.formatting import format_number
from core.lesson import last
from core.lessons.batch_norm import lesson
from core.lessons.batch_norm.lesson import RATES, Config, Result, evaluation, row, trained_well, transforms
from core.lessons.batch_norm.modes import running_statistics
from core.lessons.batch_norm.normalisation import DELTA, algorithm_1
from core.lessons.batch_norm.race import NET, batches, data, race, rows_of, splits
from core.lessons.batch_norm.words import summary
from core.moments import NEVER
from figures.batch_norm import pictures
from tests.engine.test_conv import build
from tests.pages import page_spec

ROOT = Path(__file__).parents[3]
SHORT = Config(steps=20, starts=1)


@pytest.fixture(scope="module")
def several(opening: Result) -> list[tuple[Config, Result]]:
    """The opening scene and three others that differ in the seed: eight starts on four draws of the data."""
    return [(Config(), opening), *((c, lesson.run(c)) for c in (Config(seed=s) for s in (11, 12, 13)))]


@pytest.fixture(scope="module")
def exploding() -> tuple[Config, Result]:
    config = Config(weight_scale=10.0, starts=1, steps=40)
    return config, lesson.run(config)


def test_doubling_the_batch_changes_the_output_only_through_delta() -> None:
    first, second = transforms(Config(factor=2.0, gamma=1.5, delta=0.1))
    x = first.x.numpy()
    expected = -1 + 1.5 * (x - x.mean()) / np.sqrt(x.var() + 0.1 / 4)
    np.testing.assert_allclose(second.y.numpy(), expected, rtol=1e-12)
    first, second = transforms(Config(factor=2.0))
    assert 0 < float((second.y - first.y).abs().max()) < DELTA


def test_gamma_and_beta_can_undo_the_norm() -> None:
    gamma, beta = lesson.identity_scale_shift(Config())
    lines = algorithm_1(torch.tensor(Config().batch, dtype=torch.float64), gamma, beta)
    torch.testing.assert_close(lines.y, lines.x, rtol=1e-12, atol=1e-12)
    undone = next(p for p in page_spec("batch_norm").presets if p.name == "Undone")
    first, _ = transforms(Config(**undone.values))
    assert float((first.y - first.x).abs().max()) < 2 * DELTA
    result = next(lesson.steps(SHORT))
    assert "comes out as it went in" in summary(result, dataclasses.replace(SHORT, **undone.values))
    assert "as it went in" not in summary(result, SHORT)


def test_a_batch_of_two_ends_at_plus_and_minus_gamma() -> None:
    first, _ = transforms(Config(batch=(-3.0, 0.2), gamma=2.0, beta=1.0, delta=1e-8))
    assert first.y.tolist() == pytest.approx([-1.0, 3.0], abs=1e-7)


def test_every_arm_has_the_same_start_and_none_has_a_head_start() -> None:
    theta = lesson.starts(Config(starts=2))
    by_start = theta.unflatten(0, (len(KINDS) * len(RATES), 2))
    assert bool((by_start == by_start[:1]).all())
    assert not torch.equal(theta[0], theta[1])


def test_a_start_does_not_depend_on_how_many_run_beside_it() -> None:
    alone, beside = (lesson.run(dataclasses.replace(SHORT, starts=s)).arm for s in (1, 2))
    first = beside.losses.unflatten(1, (len(KINDS) * len(RATES), 2))[:8, :, 0]
    torch.testing.assert_close(alone.losses[:8], first, rtol=1e-3, atol=1e-3)


def test_weights_before_a_norm_have_no_scale() -> None:
    """The first loss is the start's: unmoved by the weights' scale under every norm, moved without."""
    plain, scaled = (lesson.run(dataclasses.replace(SHORT, weight_scale=s)).arm for s in (1.0, 10.0))
    for kind in KINDS:
        k = row(SHORT, kind, 0.1)
        gap = float((plain.losses[0, k] - scaled.losses[0, k]).abs())
        assert gap > 1 if kind == "none" else gap < 0.05, kind


def test_groups_of_all_channels_are_layer_norm() -> None:
    config = dataclasses.replace(SHORT, groups=1)
    losses = lesson.run(config).arm.losses.unflatten(1, (len(KINDS), -1))
    torch.testing.assert_close(losses[:10, KINDS.index("group")], losses[:10, KINDS.index("layer")], rtol=1e-3, atol=1e-3)


def test_batch_norm_trains_at_more_learning_rates(several: list[tuple[Config, Result]]) -> None:
    wide = torch.stack([trained_well(evaluation(r, c).training) for c, r in several])
    none, batch = wide[:, KINDS.index("none")], wide[:, KINDS.index("batch")]
    assert bool((batch > none).all()), wide
    best = torch.stack([evaluation(r, c).training.mean(-1).nan_to_num(math.inf).amin(1) for c, r in several])
    assert bool((best.argmin(1) == KINDS.index("batch")).all()), best


def test_batch_norm_keeps_the_spread_of_its_layers(several: list[tuple[Config, Result]]) -> None:
    for config, result in several:
        arm = result.arm
        batch, none = (arm.spread[:, :, row(config, kind, 0.2)] for kind in ("batch", "none"))
        assert bool((batch.log().abs().amax(0) < none.log().abs().amax(0)).all())
        # At the start γ = 1 and β = 0: mean 0 and spread 1, but for δ and channels that hardly vary.
        torch.testing.assert_close(batch[0], torch.ones(4), rtol=0, atol=0.02)
        assert float(arm.mean[0, :, row(config, "batch", 0.2)].abs().max()) < 1e-5


def test_divergence_is_data(exploding: tuple[Config, Result]) -> None:
    config, result = exploding
    arm = result.arm
    rows = [row(config, "none", rate) for rate in RATES]
    assert (arm.diverged_at[rows] != NEVER).any()
    for k in range(arm.losses.shape[1]):
        at = int(arm.diverged_at[k])
        stop = arm.step if at == NEVER else at
        assert bool(arm.losses[:stop, k].isfinite().all())
        assert bool(arm.losses[stop:, k].isnan().all())
        if at != NEVER:
            assert bool(arm.validation[k].isnan()) and bool(arm.theta[k].isnan().all())
            assert bool(arm.spread[arm.recorded > at, :, k].isnan().all())
        else:
            assert bool(arm.theta[k].isfinite().all())
    gone = next(rate for rate in RATES if arm.diverged_at[row(config, "none", rate)] != NEVER)
    text = summary(result, dataclasses.replace(config, learning_rate=gone))
    assert f"from step {int(arm.diverged_at[row(config, 'none', gone)])} on" in text
    board = page_spec("batch_norm").draw(result, dataclasses.replace(config, learning_rate=gone))
    assert "overflowed" in board.summary
    others = arm.diverged_at.unflatten(0, (len(KINDS), -1))[1:]
    assert bool((others == NEVER).all())


def test_company_matters_more_in_small_batches() -> None:
    """The same net and images, shared out among batches of 2 or of 64: in train mode the answers vary more at 2."""
    for seed in range(3):
        config = Config(batch_size=64, learning_rate=0.2, starts=1, seed=seed, steps=40)
        result = lesson.run(config)
        pairs = dataclasses.replace(result, arm=dataclasses.replace(result.arm, batch_size=2))
        spread = [float(evaluation(r, config).sure_train.std(0).mean()) for r in (result, pairs)]
        assert spread[1] > 2 * spread[0], (seed, spread)


def test_running_statistics_after_training(opening: Result) -> None:
    config = Config(momentum=1.0)
    facts = evaluation(opening, config)
    torch.testing.assert_close(facts.running_stat[:, 1:], facts.batch_stat.double())
    # Standing still, the running mean's distance from the settled value shrinks by 1 - momentum a batch, on average.
    config = Config(momentum=0.1)
    facts, T = evaluation(opening, config), Config().steps
    noise = float(facts.batch_stat[0, T:].std())
    expected = facts.settled[0] + (facts.running_stat[0, T] - facts.settled[0]) * 0.9 ** torch.arange(T + 1)
    assert float((facts.running_stat[0, T:] - expected).abs().max()) < 4 * noise * math.sqrt(0.1 / 1.9)


def test_running_statistics_are_those_of_the_layers_themselves() -> None:
    """They follow from what the steps recorded just as if the nets had kept them while training."""
    images, labels, rng = data(0)
    parts, theta, m = splits(images.double(), labels), lesson.starts(Config(starts=1)).double(), 4
    stats = NET.running_stats(len(theta), torch.float64)
    assert isinstance(stats, RunningStats)
    (x, y), rates = parts[0], torch.tensor(RATES).repeat(len(KINDS))
    stream = ((x[None, ..., index], y[None, index]) for index in batches(data(0)[2], m))
    Trainer(Supervised(NET, cross_entropy, stats=stats), theta.clone(), SGD(rates), stream).advance(12)
    found = running_statistics(last(race(NET, theta, *parts, batches(rng, m), m, 12)), NET.norm_momentum)
    rows = rows_of("batch", KINDS, len(theta))
    torch.testing.assert_close(found.mean.double(), stats.mean[rows], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found.var.double(), stats.var[rows], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_what_enters_each_relu_at_the_start(kind: str) -> None:
    """Its mean and spread, against modules of torch with the same weights."""
    result = next(r for r in lesson.steps(SHORT) if r.arm.step)
    k, (images, _, rng) = row(SHORT, kind, 0.1), data(SHORT.seed)
    net = dataclasses.replace(NET, norm=kind, groups=SHORT.groups)
    entries = NET.layout if kind != "none" else {n: e for n, e in NET.layout.items() if n in net.layout}
    model = build(net, torch.cat([lesson.starts(SHORT)[k, e.part] for e in entries.values()]), kind)
    entering: list[torch.Tensor] = []
    for module in model:
        if isinstance(module, torch.nn.ReLU):
            module.register_forward_pre_hook(lambda _, inputs: entering.append(inputs[0].detach()))
    model(images[..., next(batches(rng, SHORT.batch_size))].movedim(3, 0))
    mean, spread = (torch.stack(values) for values in zip(*((u.mean(), u.std(correction=0)) for u in entering), strict=True))
    torch.testing.assert_close(result.arm.mean[0, :, k], mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(result.arm.spread[0, :, k], spread, rtol=1e-4, atol=1e-5)


def test_momentum_is_only_a_view_and_small_momentum_is_late(opening: Result) -> None:
    def loss(momentum: float) -> float:
        facts = evaluation(opening, Config(momentum=momentum, learning_rate=0.2))
        return float(facts.validation[KINDS.index("batch"), RATES.index(0.2)].mean())

    assert Config(momentum=0.01).trained() == Config().trained()
    assert loss(0.01) > loss(0.1)


def test_a_diverged_batch_norm_net_is_drawn_too(opening: Result) -> None:
    """Where batch norm itself leaves the numbers, its pictures are empty and nothing is said of its modes."""
    arm, k = opening.arm, row(Config(), "batch", 0.5)
    theta = arm.theta.index_fill(0, torch.tensor([k]), math.nan)
    broken = dataclasses.replace(opening, arm=dataclasses.replace(arm, theta=theta))
    board = page_spec("batch_norm").draw(broken, Config())
    further = {p.id: p for p in board.further}
    assert "Right" not in further["modes"].caption
    assert "channel" not in further
    whole = {p.id: p for p in page_spec("batch_norm").draw(opening, Config()).further}
    assert "channel" in whole and "Right" in whole["modes"].caption


def test_every_batch_size() -> None:
    config = Config(every_batch_size=True, steps=20, starts=1, batch_size=8)
    results = list(lesson.steps(config))
    sizes = results[-1].sizes
    assert [a.batch_size for a in sizes] == [2, 4, 8, 16, 32, 64]
    assert [a.batch_size * a.step for a in sizes] == [512] * 6, "all have seen the same number of digits"
    alone = lesson.run(dataclasses.replace(config, every_batch_size=False))
    assert not alone.sizes
    torch.testing.assert_close(results[-1].arm.losses, alone.arm.losses, equal_nan=True)
    # The same nets on the same batches as beside all other kinds.
    rows = [row(config, kind, 0.1) for kind in lesson.COMPARED]
    theirs = sizes[2].losses[:20, [2, 7 + 2, 14 + 2]]
    torch.testing.assert_close(theirs, alone.arm.losses[:, rows], rtol=1e-3, atol=1e-3)
    assert [len(r.sizes) for r in results] == sorted(len(r.sizes) for r in results)


def test_what_is_said_of_batch_sizes_is_the_best_of_all_rates() -> None:
    config = Config(every_batch_size=True, steps=20, starts=1)
    result = lesson.run(config)
    facts = evaluation(result, config)
    caption = next(p.caption for p in page_spec("batch_norm").draw(result, config).panels if p.id == "sizes")
    for m in (2, 8):
        arm = next(a for a in result.sizes if a.batch_size == m)
        i = result.sizes.index(arm)
        batch, group = (float(np.nanmin(facts.sizes[i, lesson.COMPARED.index(kind)])) for kind in ("batch", "group"))
        assert group == pytest.approx(float(np.nanmin(arm.validation[14:])), abs=1e-6)
        ahead = f"{format_number(abs(group - batch))} {'ahead of' if batch <= group else 'behind'} group norm at m = {m}"
        assert ahead in caption
    assert "same 512 digits" in caption
    # Eight batches of 64 leave 0.9⁸ of what the running statistics began with.
    assert "still 43\u00a0% of the running statistics at m = 64" in caption


@pytest.mark.parametrize(("asked", "trained"), [(dict(), 2), (dict(starts=4), 4), (dict(starts=4, steps=300, batch_size=64), 1),
                                                (dict(starts=4, every_batch_size=True), 1)])
def test_where_too_much_is_asked_fewer_starts_are_trained_and_the_page_says_so(asked: dict[str, Any], trained: int) -> None:
    config = Config(**asked)
    assert lesson.trained_starts(config) == trained
    assert trained * config.steps * (config.batch_size + 18) <= lesson.PLENTY
    short_run = dataclasses.replace(config, steps=20, batch_size=2)
    result = lesson.run(short_run)
    page, few = page_spec("batch_norm"), lesson.trained_starts(short_run) < short_run.starts
    caption = next(p.caption for p in page.draw(result, short_run).panels if p.id == "rates")
    assert (f"Only {lesson.trained_starts(short_run)} of {short_run.starts} starts trained" in caption) == few


def twice(seed: int, starts: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The training losses [K] at the end of two runs of the opening scene whose starts differ in the last digit."""
    images, labels, _ = data(seed)
    net, theta = dataclasses.replace(NET, groups=2), lesson.starts(Config(seed=seed, starts=starts))
    one, other = (last(race(net, theta * by, *splits(images, labels), batches(data(seed)[2], 16), 16, 50)).losses[-10:].mean(0)
                  for by in (1.0, 1 + 2e-7))
    return one, other


def test_rounding_alone_moves_instance_norm_and_not_the_other_norms() -> None:
    """Two runs of the opening scene whose starts differ in the last digit, over three seeds, up to ε = 0.2."""
    for seed in range(3):
        ends = twice(seed, 1)
        apart = (ends[0] - ends[1]).abs().reshape(len(KINDS), len(RATES))[:, :4].amax(1)
        assert float(apart[KINDS.index("instance")]) > 0.02
        assert float(apart[KINDS.index("batch") : KINDS.index("instance")].max()) < 0.002


def test_rounding_can_move_the_others_at_a_large_rate() -> None:
    """The description speaks of them too: at the two largest rates some loss of none, batch, layer or group norm moves."""
    moved = []
    for seed in (2, 3):
        ends = twice(seed, 2)
        apart = ((ends[0] - ends[1]).abs() / ends[0]).reshape(len(KINDS), len(RATES), 2)
        moved.append(float(apart[: KINDS.index("instance"), -2:].nan_to_num(0).max()))
    assert max(moved) > 0.01
    alt = next(p.alt for p in page_spec("batch_norm").draw(lesson.run(SHORT), SHORT).panels if p.id == "rates")
    assert "instance norm's at any ε, and that of every kind at a large one." in alt


def test_film_ends_at_the_algorithms_output() -> None:
    config = Config(factor=-1.5, offset=1.0)
    labels, place, reach = pictures.film(config)
    assert len(labels) == len(place) == len(reach)
    assert (place[0], place[-1], reach[-1]) == (0.0, 3.0, 1.0)
    for lines in transforms(config):
        values, heights = pictures._moved(pictures._stages(lines), place)
        np.testing.assert_allclose(values[0], np.repeat(lines.x.numpy()[:, None], 4, 1))
        np.testing.assert_allclose(values[-1], np.stack([v.numpy() for v in (lines.x, lines.centred, lines.xhat, lines.y)], 1))
        assert heights[-1, 0].tolist() == [3.0, 2.0, 1.0, 0.0]


def test_partial_results_can_be_drawn() -> None:
    page = page_spec("batch_norm")
    config = dataclasses.replace(SHORT, every_batch_size=True)
    for i, result in enumerate(lesson.steps(config)):
        if i % 3 == 0:
            board = page.draw(result, config)
            assert board.panels[0].id == "lines"
            step = next((p.caption.startswith(f"Step {result.arm.step} of 20.") for p in board.panels if p.id == "rates"), None)
            assert step is None if not result.arm.step else step == (result.arm.step < 20)


def test_plain_pytorch_gets_the_same_numbers() -> None:
    config = Config(starts=1)
    facts = evaluation(lesson.run(config), config)
    example = runpy.run_path(str(ROOT / "examples/batch_norm.py"))
    assert (example["STEPS"], example["BATCH"], example["RATE"]) == (config.steps, config.batch_size, config.learning_rate)
    plain = example["main"]()
    R = RATES.index(config.learning_rate)
    for i, kind in enumerate(KINDS):
        # Rounding decides instance norm's numbers: any that are finite will do.
        close = 5.0 if kind == "instance" else 0.03
        assert float(facts.training[i, R, 0]) == pytest.approx(plain[kind], abs=close), kind
        assert float(facts.validation[i, R, 0]) == pytest.approx(plain[f"{kind}, validation"], abs=close), kind
