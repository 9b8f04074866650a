from core.lessons.batch_norm.lesson import Config, Result, run, steps
from core.lessons.batch_norm.words import CHALLENGE, predict, summary

__all__ = ["CHALLENGE", "Config", "Result", "predict", "run", "steps", "summary"]
