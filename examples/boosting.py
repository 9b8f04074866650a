"""AdaBoost on stumps, two moons with one label in five wrong, in plain PyTorch (Freund and Schapire 1997)."""

import math

import torch


def two_moons(n, noise, generator):
    y = torch.randperm(n, generator=generator) % 2
    angle = math.pi * torch.rand(n, generator=generator)
    upper = torch.stack([angle.cos(), angle.sin()], dim=1)
    lower = torch.stack([1 - angle.cos(), 0.5 - angle.sin()], dim=1)
    x = torch.where(y[:, None] == 0, upper, lower) + noise * torch.randn(n, 2, generator=generator)
    return x.double(), 2.0 * y.double() - 1


def best_stump(x, y, weight):
    """The feature, threshold and sign of least weighted error, found by trying all of them."""
    thresholds = torch.cat([x - 1e-9, x.amax(0, keepdim=True) + 1])  # [N + 1, features]: just below each sample, and above all
    above = x[:, None] > thresholds[None]  # [N, N + 1, features]
    error = torch.einsum("n,ntf->tf", weight, (torch.where(above, 1.0, -1.0) != y[:, None, None]).double())
    error = torch.stack([error, 1 - error])  # for B above the threshold, and for B below it
    sign, place, feature = torch.unravel_index(error.argmin(), error.shape)
    return feature, thresholds[place, feature], 1 - 2 * sign


def vote(stump, x):
    feature, threshold, sign = stump
    return torch.where(x[:, feature] > threshold, 1.0, -1.0).double() * sign


def boost(x, y, rounds):
    """The stumps with their weights, and the weights of the samples before each round."""
    weight, learners, history = torch.full((len(x),), 1 / len(x)).double(), [], []
    for _ in range(rounds):
        history.append(weight)
        stump = best_stump(x, y, weight)
        h = vote(stump, x)
        e = weight[h != y].sum()
        alpha = 0.5 * torch.log((1 - e) / e)
        weight = weight * torch.exp(-alpha * y * h)
        weight = weight / weight.sum()
        learners.append((alpha, stump))
    return learners, history


def main(seeds=3, rounds=100):
    numbers = {"first_test_error": 0.0, "train_error": 0.0, "test_error": 0.0, "wrong_over_right": 0.0}
    for seed in range(seeds):
        generator = torch.Generator().manual_seed(seed)
        x, y = two_moons(100, 0.2, generator)
        x_test, y_test = two_moons(500, 0.2, generator)
        wrong = torch.arange(100) < 20  # the order is random
        given = torch.where(wrong, -y, y)
        learners, history = boost(x, given, rounds)
        total, total_test = (sum(alpha * vote(stump, at) for alpha, stump in learners) for at in (x, x_test))
        found = {"first_test_error": (vote(learners[0][1], x_test) != y_test).double().mean(),
                 "train_error": (total * given <= 0).double().mean(), "test_error": (total_test * y_test <= 0).double().mean(),
                 "wrong_over_right": history[5][wrong].mean() / history[5][~wrong].mean()}
        for name, value in found.items():
            numbers[name] += value.item() / seeds
    for name, value in numbers.items():
        print(f"{name:18} {value:.3f}")
    return numbers


if __name__ == "__main__":
    main()
