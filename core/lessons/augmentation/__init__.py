from core.lessons.augmentation.lesson import Config, Result, run, steps
from core.lessons.augmentation.words import CHALLENGE, predict, summary

__all__ = ["CHALLENGE", "Config", "Result", "predict", "run", "steps", "summary"]
