"""From sources to notebooks, and from a learner's notebook to its verdicts.

- `building`: one jupytext source becomes the executed solution and the learner's notebook, and stale ones are found;
- `submission` and `checking`: a learner's answers are put into the pristine notebook and run;
- `pytest_plugin`: what nbval has to know about this course.

Nothing is imported here: the pytest plugin lives in this package and has to load in milliseconds.
"""
