from core.lessons.loss_landscapes.lesson import Config, Result, run, steps
from core.lessons.loss_landscapes.words import CHALLENGE, predict, summary

__all__ = ["CHALLENGE", "Config", "Result", "predict", "run", "steps", "summary"]
