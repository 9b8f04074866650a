from core.lessons.exploding_gradients.lesson import Config, Result, run, steps
from core.lessons.exploding_gradients.words import CHALLENGE, predict, summary

__all__ = ["CHALLENGE", "Config", "Result", "predict", "run", "steps", "summary"]
