from core.lessons.parameter_sharing.lesson import Config, Result, run, steps
from core.lessons.parameter_sharing.words import CHALLENGE, predict, summary

__all__ = ["CHALLENGE", "Config", "Result", "predict", "run", "steps", "summary"]
