from core.lessons.bagging.lesson import Config, Result, run, steps
from core.lessons.bagging.words import CHALLENGE, predict, summary

__all__ = ["CHALLENGE", "Config", "Result", "predict", "run", "steps", "summary"]
