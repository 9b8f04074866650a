from core.lessons.early_stopping.lesson import Config, Result, run, steps
from core.lessons.early_stopping.words import CHALLENGE, predict, summary

__all__ = ["CHALLENGE", "Config", "Result", "predict", "run", "steps", "summary"]
