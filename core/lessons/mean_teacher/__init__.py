from core.lessons.mean_teacher.lesson import Config, Result, run, steps
from core.lessons.mean_teacher.words import CHALLENGE, predict, summary

__all__ = ["CHALLENGE", "Config", "Result", "predict", "run", "steps", "summary"]
