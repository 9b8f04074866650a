from core.lessons.links.lesson import Config, Result, run, steps
from core.lessons.links.words import CHALLENGE, predict, summary

__all__ = ["CHALLENGE", "Config", "Result", "predict", "run", "steps", "summary"]
