"""What boosting promises, to be counted over seeds. Each run has five draws of data; means are over these."""

from __future__ import annotations

from core.lessons.boosting import words
from core.lessons.boosting.lesson import Config, Result
from tests.promises import Promise


def wrong_labels_weigh_most_and_are_learnt(result: Result, _: Config) -> bool:
    """And the test error rises again from its lowest point."""
    weight = result.weight[5]
    rest = [weight[mask].mean() for mask in (result.near, ~result.wrong & ~result.near)]
    test, train = (values[:, result.home].mean(1) for values in (result.test_error, result.train_error))
    one_in_five = int(result.wrong.sum()) == len(result.y) / 5
    heaviest = weight[result.wrong].mean() > 1.2 * max(rest)
    return bool(one_in_five and heaviest and train[-1] < 0.15 and test[-1] > test.min() + 0.02)


def the_smallest_margin_still_grows(result: Result, _: Config) -> bool:
    settled = words.zero_from(result)
    least = result.least_margin[:, result.home, 0]
    return settled is not None and settled < 60 and bool(least[-1] > least[settled] + 0.02)


def the_sum_is_worse_than_its_first_stump(result: Result, scene: Config) -> bool:
    test = result.test_error[:, result.home].mean(1)
    return len(test) == 200 and scene.label_noise == 30 and bool(test[-1] > test[0])


def stumps_learn_by_heart_and_guess(result: Result, _: Config) -> bool:
    train, test = (values[:, result.home].mean(1) for values in (result.train_error, result.test_error))
    return bool(train[-1] < 0.5 * train[0] and (test > 0.4).all() and 0.43 < test[-1] < 0.57)


def ten_rounds_are_enough(result: Result, _: Config) -> bool:
    return bool(result.test_error[9, result.home].mean() < 0.05)


def half_the_error_after_ten_rounds(result: Result, scene: Config) -> bool:
    test = result.test_error[:, result.home].mean(1)
    return scene.width == 3 and bool(test[9] < 0.5 * test[0])


def ends_soon_without_an_error(result: Result, _: Config) -> bool:
    at = int(result.ended[result.home, 0])
    return 1 <= at <= 5 and bool(result.alpha[at - 1, result.home, 0].isinf())


def meets_the_challenge(result: Result, scene: Config) -> bool:
    return words.CHALLENGE.check(result, scene, None).right


PROMISES = [
    Promise(preset="Wrong labels", holds=wrong_labels_weigh_most_and_are_learnt),
    Promise(preset="Clean labels", holds=the_smallest_margin_still_grows),
    Promise(preset="Too many rounds", holds=the_sum_is_worse_than_its_first_stump),
    Promise(preset="Stumps on crosswise clouds", holds=stumps_learn_by_heart_and_guess),
    Promise(preset="Trees on crosswise clouds", holds=ten_rounds_are_enough),
    Promise(preset="Small nets", holds=half_the_error_after_ten_rounds),
    Promise(preset="A learner that is too strong", holds=ends_soon_without_an_error),
    Promise(claim="the question: a wrong label is the answer at the opening", values={},
            holds=lambda result, scene: words.predict(result, scene).right == ("wrong",)),
    Promise(claim="challenge: its own scene does not meet it", values=words.CHALLENGE.scene,
            holds=lambda result, scene: not meets_the_challenge(result, scene)),
    Promise(claim="challenge: more samples and fewer rounds meet it", values=dict(n_train=200, rounds=20), this_run=True,
            holds=meets_the_challenge),
]
