from core.lessons.links.lesson import Config, Result, run, steps
