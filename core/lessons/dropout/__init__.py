from core.lessons.dropout.lesson import Config, Result, run, steps
from core.lessons.dropout.words import CHALLENGE, predict, summary

__all__ = ["CHALLENGE", "Config", "Result", "predict", "run", "steps", "summary"]
