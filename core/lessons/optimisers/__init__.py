from core.lessons.optimisers.lesson import Config, Result, run, steps
from core.lessons.optimisers.words import CHALLENGE, predict, summary

__all__ = ["CHALLENGE", "Config", "Result", "predict", "run", "steps", "summary"]
