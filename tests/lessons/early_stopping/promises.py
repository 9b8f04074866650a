"""What early_stopping promises, to be counted over seeds."""

import torch

from core.lessons.early_stopping import lesson
from core.lessons.early_stopping.lesson import ARMS, Config, Result
from core.lessons.early_stopping.patience import returned_evaluation, stop_rule
from core.lessons.early_stopping.words import CHALLENGE
from tests.promises import Promise


def _curve(result: Result, scene: Config, split: str = "validation") -> torch.Tensor:
    """Cross-entropy of draw 0 of the scene's arm, in double precision."""
    return result.loss[split][:, list(ARMS).index(scene.arm), 0].double()


def _climb(values: torch.Tensor) -> float:
    return float(values[-1] - values.min())


def stops_twenty_after_its_last_improvement(result: Result, scene: Config) -> bool:
    kept, stopped = stop_rule(_curve(result, scene), scene.patience, 0.0)
    return stopped is not None and stopped == kept + 20 < len(result.recorded) - 1


def clean_labels_turn_later_and_climb_less(result: Result, scene: Config) -> bool:
    """Against the same draw with a fifth of the labels wrong, which is run beside."""
    home = result.levels.index(20)
    clean, noisy = _curve(result, scene), result.noise_loss[:, home, 0].double()
    return int(clean.argmin()) > int(noisy.argmin()) and _climb(clean) < _climb(noisy)


def impatience_costs(result: Result, scene: Config) -> bool:
    values, test = _curve(result, scene), _curve(result, scene, "test")
    hasty, patient = (stop_rule(values, patience, 0.0).kept for patience in (scene.patience, 25))
    first_rise = int((values.diff() >= 0).nonzero()[0])
    small = values[first_rise + 1] < 1.1 * values[first_rise]
    return hasty == first_rise and bool(small and test[hasty] > 1.2 * test[patient])


def waiting_has_raised_the_test_loss(result: Result, scene: Config) -> bool:
    stop, test = stop_rule(_curve(result, scene), scene.patience, 0.0), _curve(result, scene, "test")
    back = returned_evaluation(stop, len(test), scene.restore)
    return back == stop.stopped and bool(test[back] > 1.1 * test[stop.kept])


def l2_climbs_far_less(result: Result, scene: Config) -> bool:
    plain, penalised = (result.loss["validation"][:, a, 0].double() for a in (0, list(ARMS).index(scene.arm)))
    return _climb(penalised) < 0.5 * _climb(plain)


def by_error_it_stops_later_and_surer(result: Result, scene: Config) -> bool:
    """The error has its minimum after that of the cross-entropy, which has climbed by then."""
    loss, error = _curve(result, scene), result.error["validation"][:, 0, 0]
    by_loss, by_error = (stop_rule(values, scene.patience, 0.0) for values in (loss, error))
    if by_loss.stopped is None or by_error.stopped is None or by_error.stopped <= by_loss.stopped:
        return False
    nets = result.theta[[by_loss.kept, by_error.kept], 0]
    x, y = torch.linspace(-2, 2, 20), torch.linspace(-2, 2, 20)
    calm, sure = (lesson.probability(result.mlp, nets, x, y) - 0.5).abs().mean((1, 2))
    return bool(sure > calm and loss[by_error.kept] > loss[by_loss.kept] and error[by_error.kept] < error[by_loss.kept])


def dips_twice(result: Result, scene: Config) -> bool:
    """The rise between the dips and the fall to the second are clear, on the test set as well."""
    kept, stopped = stop_rule(_curve(result, scene), scene.patience, 0.0)
    best = int(_curve(result, scene).argmin())
    return stopped is not None and stopped < best and all(
        bool(values[kept:best].max() > values[kept] + 0.02 and values[best] < 0.5 * values[kept])
        for values in (_curve(result, scene), _curve(result, scene, "test")))


def _gap(result: Result) -> float:
    return float((result.loss["test"] - result.loss["train"])[-1, 0].mean())


PROMISES = [
    Promise(preset="Wrong labels", holds=stops_twenty_after_its_last_improvement),
    Promise(preset="Clean labels", holds=clean_labels_turn_later_and_climb_less),
    Promise(preset="Too impatient", holds=impatience_costs),
    Promise(preset="Without restoring", holds=waiting_has_raised_the_test_loss),
    Promise(preset="L2 instead", holds=l2_climbs_far_less),
    Promise(preset="Stop by the error", holds=by_error_it_stops_later_and_surer),
    Promise(preset="Plenty of data", holds=lambda result, scene: _gap(result) < 0.5),
    Promise(claim="Plenty of data: with 80 samples the curves part more", holds=lambda result, scene: _gap(result) > 0.6),
    Promise(claim="challenge: this run dips twice, and a patience of 1 stops after the first", values=CHALLENGE.scene,
            this_run=True, holds=dips_twice),
    Promise(claim="title: the net of the lowest validation loss is better on the test set than the last",
            holds=lambda result, scene: _curve(result, scene, "test")[int(_curve(result, scene).argmin())]
            < 0.9 * _curve(result, scene, "test")[-1]),
]
