from core.lessons.dropout_uncertainty.lesson import Config, Result, run, steps
from core.lessons.dropout_uncertainty.words import CHALLENGE, predict, summary

__all__ = ["CHALLENGE", "Config", "Result", "predict", "run", "steps", "summary"]
