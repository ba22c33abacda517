"""The course's own package: the world, the models, their training and evaluation, widgets, exercises and publishing.

Importing it imports nothing else, so that a notebook or the command starts at once.
"""

import os

# OpenMP's threads otherwise wait for one another by spinning: on two cores that are also busy with something else,
# training was measured to take twice as long. It counts from before torch is imported, here or in a parent process.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
