"""Names of runs, such as brave-otter."""

import random

ADJECTIVES = """
amber bold brave bright calm clever cosy eager early fair gentle golden happy keen kind light lively lucky
mellow merry mild neat noble patient plucky proud quick quiet rapid silent silver smart snug solid steady sunny
swift warm wise witty
"""
ANIMALS = """
badger beaver bison crane dolphin eagle falcon ferret finch fox gecko hare hawk heron ibis jackal koala lark
lemur lynx marten mole moose newt orca osprey otter owl panda puffin raven robin seal shrew stoat swan tiger
viper walrus wren
"""


def free_name(taken: set[str | None]) -> str:
    """Return a random name that is not taken."""
    rng = random.Random()
    for _ in range(100):
        name = f"{rng.choice(ADJECTIVES.split())}-{rng.choice(ANIMALS.split())}"
        if name not in taken:
            return name
    return f"run-{len(taken) + 1}"
