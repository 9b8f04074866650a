"""Prints in how many seeds each promise holds: `python -m tests.promises [slug ...]`."""

import sys

import torch

from core.catalogue import LESSONS
from tests.promises import SEEDS, counts, together

torch.set_num_threads(1)
for slug in sys.argv[1:] or [entry.slug for entry in LESSONS]:
    for (trained, this_run), group in together(slug).items():
        for name, seeds in counts(slug, trained, group).items():
            of = "of its own run" if this_run else f"of {len(SEEDS)}"
            missing = "" if this_run or len(seeds) == len(SEEDS) else f"  (not at {sorted(set(SEEDS) - set(seeds))})"
            print(f"{slug:20} {name:60} {len(seeds):2} {of}{missing}", flush=True)
