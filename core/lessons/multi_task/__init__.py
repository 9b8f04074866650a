from core.lessons.multi_task.lesson import Config, Result, run, steps
from core.lessons.multi_task.words import CHALLENGE, predict, summary

__all__ = ["CHALLENGE", "Config", "Result", "predict", "run", "steps", "summary"]
