from core.lessons.surrogate_losses.lesson import Config, Result, run, steps
from core.lessons.surrogate_losses.words import CHALLENGE, predict, summary

__all__ = ["CHALLENGE", "Config", "Result", "predict", "run", "steps", "summary"]
