from core.lessons.boosting.lesson import Config, Result, run, steps
from core.lessons.boosting.words import CHALLENGE, predict, summary

__all__ = ["CHALLENGE", "Config", "Result", "predict", "run", "steps", "summary"]
