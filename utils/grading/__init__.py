"""Grading that a submission cannot cheat: only answers travel, they run isolated, and values are judged elsewhere."""
