"""How the desk works: rules.toml as one immutable `Policy`.

The file is read and checked as a whole; a broken one is refused with every problem (file, line, column, key,
suggestion) as a `ConfigurationError`, and the policy in force stays. `values` are the kinds of text, `tables` and
`rules` the tables of the file, `policy` the value that everybody asks, `crosschecks` what only the whole file shows,
`loading` the way from text to policy.
"""

from gateway.policy.conditions import Condition
from gateway.policy.limits import Limits, Source
from gateway.policy.loading import describe_policy, load_policy, parse_policy
from gateway.policy.policy import Policy
from gateway.policy.rules import Assignment, Example, Expectation, Occasion, Rule
from gateway.policy.tables import Agent, Defaults, Desk, Team

__all__ = [
    "Agent",
    "Assignment",
    "Condition",
    "Defaults",
    "Desk",
    "Example",
    "Expectation",
    "Limits",
    "Occasion",
    "Policy",
    "Rule",
    "Source",
    "Team",
    "describe_policy",
    "load_policy",
    "parse_policy",
]
