from core.lessons.initialisation.lesson import Config, Result, run, steps
from core.lessons.initialisation.words import CHALLENGE, predict, summary

__all__ = ["CHALLENGE", "Config", "Result", "predict", "run", "steps", "summary"]
