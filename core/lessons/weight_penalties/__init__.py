from core.lessons.weight_penalties.lesson import Config, Result, run, steps
from core.lessons.weight_penalties.words import CHALLENGE, predict, summary

__all__ = ["CHALLENGE", "Config", "Result", "predict", "run", "steps", "summary"]
