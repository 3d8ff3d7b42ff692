"""Plays the scenarios of the files that are named, all of them without names, with whichever version of ROCK's package is
installed here, against the server at ROCK_BASE_URL."""

import asyncio
import importlib
import logging
import os
import sys
import warnings

warnings.simplefilter("ignore")
os.environ.setdefault("ROCK_LOGGING_LEVEL", "ERROR")
logging.disable(logging.CRITICAL)  # Scenarios fail on purpose, and the package tells of each failure at length.

FILES = [
    "starting", "sessions", "background", "programs", "files", "lives", "groups", "lists", "environments", "images",
]

for name in sys.argv[1:] or FILES:
    importlib.import_module(name)
import scenario  # noqa: E402

failed = asyncio.run(scenario.play())
print(f"{len(scenario.scenarios)} scenarios, {failed} failed")
sys.exit(1 if failed or not scenario.scenarios else 0)
