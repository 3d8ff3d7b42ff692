"""Text environments for reinforcement learning, each in its own sandbox on a Rock server.

    import rockgem

    with rockgem.make("game:Sokoban-v0-easy") as env:
        observation, info = env.reset(seed=42)
        observation, reward, terminated, truncated, info = env.step("\\\\boxed{up}")

`rockgem.gymnasium` has the same environments as Gymnasium's classes, `rockgem.aio` for asyncio.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import errors
from .calls import Autoreset, Info, InfoStyle, Lease, RenderMode, Step, VectorStep
from .client import Client
from .environment import Environment
from .errors import *  # noqa: F403 - its __all__, the tree of exceptions
from .spec import Keyword, Spec
from .vector import VectorEnvironment

__version__ = "0.1.0"
__all__ = [
    "Autoreset", "Client", "Environment", "Info", "InfoStyle", "Keyword", "Lease", "RenderMode", "Spec", "Step",
    "VectorEnvironment", "VectorStep", "make", "make_vec", "specs",
]  # fmt: skip
__all__ += errors.__all__


def make(env_id: str, *, url: str | None = None, client: Client | None = None, **options: Any) -> Environment:
    """Makes an environment in a sandbox of its own.

    Args:
        env_id: Such as `game:Sokoban-v0-easy`.
        url: The server's; see `Client`. The environment then has a client to itself and closes it.
        client: A client to share instead.
        options: As for `Client.make`: the environment's own arguments among them.

    Raises:
        RockError: No such environment or argument; no sandbox; no server.
    """
    if client is not None:
        return client.make(env_id, **options)
    client = Client(url)
    try:
        env = client.make(env_id, **options)
    except BaseException:
        client.close()
        raise
    env._owns_client = True
    return env


def make_vec(
    ids: str | Sequence[str],
    num_envs: int | None = None,
    *,
    url: str | None = None,
    client: Client | None = None,
    vec_kwargs: Sequence[Mapping[str, Any]] | None = None,
    **options: Any,
) -> VectorEnvironment:
    """Makes many environments that one call moves.

    Args:
        ids: One id, or one for each environment.
        num_envs: How many, where `ids` is one id.
        url: The server's; see `Client`. The environments then have a client to themselves and close it.
        client: A client to share instead.
        vec_kwargs: Arguments of each environment.
        options: As for `Client.make_vec`.

    Raises:
        ValueError: The lengths do not match.
        RockError: As for `make`.
    """
    if client is not None:
        return client.make_vec(ids, num_envs, vec_kwargs=vec_kwargs, **options)
    client = Client(url)
    try:
        envs = client.make_vec(ids, num_envs, vec_kwargs=vec_kwargs, **options)
    except BaseException:
        client.close()
        raise
    envs._owns_client = True
    return envs


def specs(url: str | None = None) -> list[Spec]:
    """Everything that the server at `url` can make."""
    with Client(url) as client:
        return client.specs()
