"""The lessons: what is run, claimed and checked (`NN-slug.yml`), and how it is told (`en/NN-slug.md`)."""

from umbel.learn.lessons.load import LANGUAGES, find, lessons
from umbel.learn.lessons.model import Lesson

__all__ = ["LANGUAGES", "Lesson", "find", "lessons"]
