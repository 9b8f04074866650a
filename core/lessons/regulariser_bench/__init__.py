from core.lessons.regulariser_bench.lesson import Config, Result, run, steps
from core.lessons.regulariser_bench.words import CHALLENGE, predict, summary

__all__ = ["CHALLENGE", "Config", "Result", "predict", "run", "steps", "summary"]
