from core.lessons.boosting.lesson import Config, Result, run, steps


__all__ = ["Config", "Result", "run", "steps"]
