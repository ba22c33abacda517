"""The checkpoint "answer_at_once": "chain_of_thought" in everything but that it has to answer without steps."""

from __future__ import annotations

import dataclasses
import functools

from utils.training.recipes.chain_of_thought import RECIPE as WITH_STEPS
from utils.training.recipes.chain_of_thought import train

RECIPE = dataclasses.replace(
    WITH_STEPS,
    name="answer_at_once",
    description="Chains of dominoes in pictures, answered at once (lesson 2.7)",
    train=functools.partial(train, steps=False),
)
