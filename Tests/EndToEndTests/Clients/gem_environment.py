"""Serves a game of the package gem-llm: python gem_environment.py ID."""

import sys

import gem

from rock_environment import serve

serve(lambda **kwargs: gem.make(sys.argv[1], **kwargs))
