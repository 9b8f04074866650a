"""Early stopping: the rule against Keras' own loop, fairness of the arms, what noise does, and plain PyTorch."""

import dataclasses
import math
import runpy
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from core.formatting import format_number
from core.lessons.early_stopping import cubic, lesson, shrinkage, words
from core.lessons.early_stopping.lesson import ARMS, Config, Result
from core.lessons.early_stopping.patience import returned_evaluation, stop_rule
from core.lessons.early_stopping.words import alt_texts
from tests.pages import page_spec

ROOT = Path(__file__).parents[3]
SHORT = Config(steps=100, draws=3, n_train=40)


@pytest.fixture(scope="module")
def several(opening: Result) -> list[Result]:
    """The opening scene and three others that differ in the seed: twenty draws."""
    return [opening, *(lesson.run(Config(seed=s)) for s in (11, 12, 13))]


def keras_stop(values: list[float], patience: int, min_delta: float) -> tuple[int, int | None]:
    """keras.callbacks.EarlyStopping.on_epoch_end in mode "min", transcribed: (best_epoch, stopped_epoch)."""
    best, best_epoch, wait = math.inf, 0, 0
    for epoch, current in enumerate(values):
        wait += 1
        if current + min_delta < best:
            best, best_epoch, wait = current, epoch, 0
            continue
        if wait >= patience:
            return best_epoch, epoch
    return best_epoch, None


@pytest.mark.parametrize("min_delta", [0.0, 0.125])
def test_rule_is_keras_patience(min_delta: float) -> None:
    g = torch.Generator().manual_seed(0)
    stopped = 0
    for trial in range(200):
        # Eighths are exact in binary, so ties and improvements of exactly min_delta are met as such.
        values = (torch.randn(30, generator=g).cumsum(0) * 2).round() / 8
        patience = 1 + trial % 9
        rule = stop_rule(values, patience, min_delta)
        assert (rule.kept, rule.stopped) == keras_stop(values.tolist(), patience, min_delta)
        if rule.stopped is not None:
            stopped += 1
            assert rule.stopped - rule.kept == patience
    assert 20 < stopped < 200


def test_rule_by_hand() -> None:
    values = torch.tensor([1.0, 0.5, 0.75, 0.5, 0.25, 0.5, 0.75, 1.0])
    assert stop_rule(values, 2, 0.0) == (1, 3)  # an equal value is no improvement
    assert stop_rule(values, 3, 0.0) == (4, 7)
    assert stop_rule(values, 4, 0.0) == (4, None)
    assert stop_rule(values, 3, 0.3) == (1, 4)  # 0.25 is lower than 0.5, by too little
    assert stop_rule(torch.tensor([1.0, math.nan, math.nan, 0.5]), 2, 0.0) == (0, 2)
    for restore, back in ((True, 4), (False, 7)):
        assert returned_evaluation(stop_rule(values, 3, 0.0), 8, restore) == back
        assert returned_evaluation(stop_rule(values, 9, 0.0), 8, restore) == back


def test_more_patience_never_stops_earlier_and_endless_patience_keeps_the_lowest(opening: Result) -> None:
    for a in range(len(ARMS)):
        values = opening.loss["validation"][:, a, 0]
        stops = [stop_rule(values, p, 0.0).stopped or 10**6 for p in range(1, 51)]
        assert stops == sorted(stops)
        assert stop_rule(values, len(values), 0.0) == (int(values.argmin()), None)


def test_only_validation_decides_and_views_never_retrain(opening: Result) -> None:
    other = dataclasses.replace(opening, loss={**opening.loss, "train": -opening.loss["train"], "test": -opening.loss["test"]})
    scene = Config()
    assert torch.equal(lesson.monitored(other, scene), lesson.monitored(opening, scene))
    assert torch.equal(lesson.monitored(opening, Config(monitor="error")), opening.error["validation"])
    moved = Config(patience=3, min_delta=0.01, restore=False, arm="both", monitor="error", product=1.0)
    assert moved.trained() == Config()


def test_arms_and_levels_share_data_and_start(opening: Result) -> None:
    assert all(torch.equal(opening.theta[0, 0], opening.theta[0, a]) for a in range(len(ARMS)))
    home = opening.levels.index(20)
    assert torch.equal(opening.noise_loss[:, home], opening.loss["validation"][:, 0])
    torch.testing.assert_close(opening.loss["train"][0, 0], opening.loss["train"][0, 3])
    assert float((opening.loss["train"][-1, 0] - opening.loss["train"][-1, 3]).abs().min()) > 0.01


def test_data_are_nested() -> None:
    """A flipped label stays flipped at more noise; more samples are the same ones and some more."""
    few, many = lesson._Draw(Config(n_train=80), 0), lesson._Draw(Config(n_train=100), 0)
    assert torch.equal(few.clean["train"][0], many.clean["train"][0][:, :80])
    assert torch.equal(few.clean["test"][0], many.clean["test"][0])
    clean = few.clean["train"][1]
    wrong = [few.labels("train", noise) != clean for noise in (0, 10, 25, 40)]
    assert [int(w.sum()) for w in wrong] == [0, 8, 20, 32]
    assert all(bool((more | ~less).all()) for less, more in pairwise(wrong))


def test_a_draw_does_not_depend_on_how_many_there_are() -> None:
    three, four = lesson.run(SHORT), lesson.run(dataclasses.replace(SHORT, draws=4))
    torch.testing.assert_close(three.loss["validation"][:10], four.loss["validation"][:10, :, :3], rtol=1e-3, atol=1e-4)


def test_pure_and_repeatable() -> None:
    before = torch.get_rng_state()
    results = list(lesson.steps(SHORT))
    assert torch.equal(torch.get_rng_state(), before)
    again = lesson.run(SHORT)
    for name in lesson.SPLITS:
        assert torch.equal(results[-1].loss[name], again.loss[name])
    assert torch.equal(results[-1].theta, again.theta)
    assert [r.step for r in results] == list(range(0, 101, 2))
    half = results[25]
    assert torch.equal(half.loss["test"], again.loss["test"][:26]) and len(half.theta) == len(half.norm) == 26


def test_penalty_and_norm(opening: Result) -> None:
    omega = 0.5 * Config().weight_decay * opening.norm[:, [1, 3]] ** 2
    torch.testing.assert_close(opening.penalty[:, [1, 3]], omega, rtol=1e-4, atol=1e-6)
    assert (opening.penalty[:, [0, 2]] == 0).all()
    assert (opening.norm[-1, 1] < 0.5 * opening.norm[-1, 0]).all()


def test_fit_is_the_modules(opening: Result) -> None:
    net = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
    nn.utils.vector_to_parameters(opening.theta[-1, 0], net.parameters())
    x, y = torch.linspace(-1, 2, 7), torch.linspace(-1, 1, 5)
    ours = lesson.probability(opening.mlp, opening.theta[-1:, 0], x, y)
    with torch.no_grad():
        for i, j in ((0, 0), (2, 5), (4, 6)):
            assert float(ours[0, i, j]) == pytest.approx(float(net(torch.stack([x[j], y[i]])).sigmoid()), abs=1e-5)
        logits = net(opening.x.T)[:, 0]
    value = nn.functional.binary_cross_entropy_with_logits(logits, opening.y.float())
    assert float(opening.loss["train"][-1, 0, 0]) == pytest.approx(float(value), rel=1e-4)


def test_more_noise_moves_the_best_step_earlier(several: list[Result]) -> None:
    best = torch.cat([lesson.best_steps(r, Config()) for r in several], 1).double()
    medians = best.median(1).values.tolist()
    assert all(later < earlier for earlier, later in pairwise(medians)), medians
    assert float((best[0] > best[-1]).double().mean()) >= 0.9


def test_stopping_helps_most_where_nothing_else_does(several: list[Result]) -> None:
    saved = torch.zeros(len(several), len(ARMS))
    for i, result in enumerate(several):
        for a in range(len(ARMS)):
            for s in range(5):
                kept = stop_rule(result.loss["validation"][:, a, s], 8, 0.0).kept
                saved[i, a] += (result.loss["test"][-1, a, s] - result.loss["test"][kept, a, s]) / 5
    assert (saved[:, 0] > 0.2).all()
    assert (saved[:, :1] > 3 * saved[:, 1:]).all()


def test_error_flattens_while_cross_entropy_still_moves(several: list[Result]) -> None:
    for result in several:
        loss, error = result.loss["test"][:, 0].mean(1), result.error["test"][:, 0].mean(1)
        at = int(loss.argmin())
        assert loss[-1] / loss[at] > 1.5
        assert error[-1] / error[at] < 0.75 * loss[-1] / loss[at]


def test_the_floor_of_wrong_labels(several: list[Result]) -> None:
    """No net beats it on new samples; on its own the over-sized net goes well below, by heart."""
    entropy, error = lesson.noise_floor(Config(label_noise=20))
    assert entropy == pytest.approx(torch.distributions.Bernoulli(torch.tensor(0.2)).entropy().item(), rel=1e-6)
    for result in several:
        assert (result.loss["test"].mean(2) > entropy).all() and (result.error["test"].mean(2) > error).all()
        assert (result.loss["train"][-1, 0] < 0.75 * entropy).all()
    assert lesson.noise_floor(Config(label_noise=0)) == (0.0, 0.0)


def test_twins_follow_their_formulas(opening: Result) -> None:
    q = opening.twins
    lam, rate, tau = q.eigenvalues, q.rates[:, None], q.steps[:, None, None].double()
    assert q.stopped.dtype == torch.float64
    torch.testing.assert_close(q.stopped, shrinkage.stopped_factor(lam, rate, tau), rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(q.ridged, shrinkage.ridge_factor(lam, shrinkage.matched_strength(rate, tau)), rtol=1e-6, atol=1e-8)
    singular = torch.linalg.svdvals(cubic.features(opening.x))
    torch.testing.assert_close(lam.flip(0), singular**2 / opening.x.shape[1], rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("product", [0.1, 1.0, 1.9])
def test_the_gap_to_ridge_is_found_at_every_step(opening: Result, product: float) -> None:
    """By descending and solving at each step. At ε·λ_max = 1.9 the gap is largest after the first, long before an evaluation."""
    every = torch.arange(401)
    target = 2 * opening.y.double() - 1
    problem = shrinkage.least_squares(cubic.features(opening.x), target - target.mean())
    rate = product / shrinkage.directions(problem)[0][-1:]
    path = shrinkage.descend(problem, rate, 400)[:, 0]
    ridge = shrinkage.ridge(problem, shrinkage.matched_strength(rate, every))
    apart = (shrinkage.factors(path, problem) - shrinkage.factors(ridge, problem)).abs().amax(1)[1:]
    scene = Config(product=product)
    torch.testing.assert_close(lesson.quadratic_gaps(opening, scene), apart, rtol=1e-6, atol=1e-6)
    at_evaluations = apart[opening.recorded[1:] - 1].max()
    assert float(apart.max()) > (2 if product == 1.9 else 1) * float(at_evaluations)
    assert float(apart.max()) <= float(shrinkage.largest_gap(product, every[1:]).max()) + 1e-6
    gap = format_number(apart.max())
    caption = next(p.caption for p in page_spec("early_stopping").draw(opening, scene).further if p.id == "shrinkage_gap")
    assert caption.endswith(f"at most {gap}.")
    assert alt_texts(opening, scene)["shrinkage_gap"] == f"The largest gap over all steps is {gap} of the minimum."


def test_plain_pytorch_comes_to_the_same(opening: Result) -> None:
    plain = runpy.run_path(str(ROOT / "examples/early_stopping.py"))["main"]()
    patience = page_spec("early_stopping").presets[0].values["patience"]
    rule = stop_rule(opening.loss["validation"][:, 0, 0], patience, 0.0)
    assert rule.stopped is not None
    assert (plain["best_step"], plain["stop_step"]) == (opening.recorded[rule.kept], opening.recorded[rule.stopped])
    assert plain["validation_best"] == pytest.approx(float(opening.loss["validation"][rule.kept, 0, 0]), abs=1e-3)
    assert plain["test_restored"] == pytest.approx(float(opening.loss["test"][rule.kept, 0, 0]), abs=1e-3)
    assert plain["test_end"] == pytest.approx(float(opening.loss["test"][-1, 0, 0]), abs=0.02)
    assert plain["train_end"] == pytest.approx(float(opening.loss["train"][-1, 0, 0]), abs=0.01)


def test_divergence_is_told_and_drawn(opening: Result) -> None:
    """No setting on offer diverges; a run that did is drawn up to there and said to have."""
    def cut(values: Tensor) -> Tensor:
        out = values.clone()
        out[30:, 0, 0] = torch.nan
        return out

    gone = opening.diverged_at.clone()
    gone[0, 0] = 237
    broken = dataclasses.replace(opening, diverged_at=gone, loss={k: cut(v) for k, v in opening.loss.items()},
                                 error={k: cut(v) for k, v in opening.error.items()})
    text = words.summary(broken, Config())
    assert "| From where on the loss is not finite |  | step 237 |" in text and "nan" not in text
    assert "| Test error | 25.0\u00a0% | not finite |" in text
    assert page_spec("early_stopping").draw(broken, Config()).summary == text
    question = words.predict(broken, Config())
    assert all(math.isfinite(v) for v in question.y) and "nan" not in question.why
