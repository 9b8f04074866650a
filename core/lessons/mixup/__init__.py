from core.lessons.mixup.lesson import Config, Result, run, steps
from core.lessons.mixup.words import CHALLENGE, predict, summary

__all__ = ["CHALLENGE", "Config", "Result", "predict", "run", "steps", "summary"]
