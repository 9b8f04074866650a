from core.lessons.batches.lesson import Config, Result, run, steps
from core.lessons.batches.words import CHALLENGE, predict, summary

__all__ = ["CHALLENGE", "Config", "Result", "predict", "run", "steps", "summary"]
