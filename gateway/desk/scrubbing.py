"""What is taken out of words that are passed on: other people's reply keys, and agents' addresses where others read."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from gateway.policy import Policy


def scrubber(policy: Policy, *, to_agent: bool) -> Callable[[str], str]:
    """Take other people's reply keys out of relayed text, and agents' addresses out of what leaves the desk."""
    addresses = (address for agent in policy.agents for address in (agent.address, *agent.other_addresses))
    return _scrubber_of(policy.desk.address, () if to_agent else tuple(addresses))


@lru_cache(maxsize=4)
def _scrubber_of(desk: str, addresses: tuple[str, ...]) -> Callable[[str], str]:
    """The scrubber of a policy, which is in force for many letters."""
    # Whatever address carries it; in links signs are percent-encoded (RFC 6068 §2). Each pattern begins with a letter
    # of its own, so that a long word costs no more than its length.
    keys = re.compile(r"(?:\+|%2B)[a-z2-7]{40}(?=@|%40)", re.IGNORECASE)
    ids = re.compile(r"(?:<|&lt;)?hg\.[a-z2-7]{40}\.[a-z0-9]{1,32}@[\w.-]+(?:>|&gt;)?", re.IGNORECASE)
    agents = None
    if addresses:
        ordered = sorted(addresses, key=len, reverse=True)
        listed = "|".join(re.escape(address).replace("@", "(?:@|%40)") for address in ordered)
        agents = re.compile(rf"(?<![\w.+-])(?:{listed})(?![\w-])", re.IGNORECASE)

    def scrub(text: str) -> str:
        if "@" not in text and "%40" not in text:  # in every key, id and address
            return text
        text = ids.sub("", keys.sub("", text))
        return agents.sub(desk, text) if agents is not None else text

    return scrub
