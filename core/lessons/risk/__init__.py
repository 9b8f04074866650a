from core.lessons.risk.lesson import Config, Result, run, steps
from core.lessons.risk.words import CHALLENGE, predict, summary

__all__ = ["CHALLENGE", "Config", "Result", "predict", "run", "steps", "summary"]
