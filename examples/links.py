"""Input noise, dropout, MAP and early stopping beside ridge regression, in plain PyTorch.

The objective is the mean of squares plus alpha |w|². The first three are ridge to the last digit; early stopping is not.
"""

import itertools

import torch

N, D, S = 24, 4, 1.0


def ridge(x, y, alpha):
    return torch.linalg.solve(x.T @ x / len(x) + alpha * torch.eye(D, dtype=x.dtype), x.T @ y / len(x))


def apart(one, two):
    return ((one - two).norm() / two.norm()).item()


def main():
    generator = torch.Generator().manual_seed(0)
    x, w, noise = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((N, D), (D,), (N,)))
    y = x @ w + noise
    signs = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=D)), dtype=x.dtype)
    masks = (1 + signs) / 2

    # noise of variance S on the inputs, all sign patterns at once
    noisy = (x + S**0.5 * signs[:, None]).reshape(-1, D)
    fitted = torch.linalg.lstsq(noisy, y.repeat(len(signs))[:, None]).solution[:, 0]
    # half of the inputs dropped, the others doubled, all masks at once
    thinned = torch.linalg.lstsq((2 * x * masks[:, None]).reshape(-1, D), y.repeat(len(masks))[:, None]).solution[:, 0]
    adaptive = torch.linalg.solve(x.T @ x / N + torch.diag(x.square().mean(0)), x.T @ y / N)
    # the most probable w: noise of variance 1, a prior of variance 1/(N S)
    prior = 1 / (N * S)
    mode = prior * x.T @ torch.linalg.solve(prior * x @ x.T + torch.eye(N, dtype=x.dtype), y)
    # gradient flow on half the mean of squares up to t = 1/S, as many small steps
    stopped = torch.zeros(D, dtype=x.dtype)
    for _ in range(10_000):
        stopped -= 1e-4 / S * (x.T @ (x @ stopped - y) / N)

    numbers = {"input noise": apart(fitted, ridge(x, y, S)), "dropout": apart(thinned, adaptive),
               "MAP": apart(mode, ridge(x, y, S)), "early stopping": apart(stopped, ridge(x, y, S))}
    for name, value in numbers.items():
        print(f"{name:15} {value:.1e} apart")
    return numbers


if __name__ == "__main__":
    main()
