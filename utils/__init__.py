"""The course's own package: the world, the models, their training and evaluation, widgets, exercises and publishing.

Importing it imports nothing else, so that a notebook or the command starts at once.
"""
