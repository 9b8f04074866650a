from core.lessons.noise.lesson import Config, Result, run, steps
from core.lessons.noise.words import CHALLENGE, predict, summary

__all__ = ["CHALLENGE", "Config", "Result", "predict", "run", "steps", "summary"]
