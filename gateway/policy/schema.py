"""The JSON Schema of rules.toml, by which editors complete and check what an admin writes.

It is read from the tables and their docstrings. It takes whatever the gateway takes; of what the gateway refuses it
finds what one value or table shows by itself. `.rules.schema.json` beside the shipped rules.toml is this text.
"""

from __future__ import annotations

import json
from typing import Any

from gateway.policy.loading import RulesFile
from gateway.ticket import Priority, TicketType

SCHEMA_FILE = ".rules.schema.json"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_text() -> str:
    """The schema as a file."""
    return json.dumps(policy_schema(), ensure_ascii=False, indent=1) + "\n"


def policy_schema() -> dict[str, Any]:
    """The schema as JSON has it."""
    schema = _tidy(RulesFile.model_json_schema(by_alias=True))
    schema["properties"]["matrix"] |= _matrix()
    return {
        "$schema": _DIALECT,
        "title": "rules.toml of Helpdesk Gateway",
        "description": "Who the desk is, who answers, and what mails mean.",
    } | {key: value for key, value in schema.items() if key != "description"}


def _matrix() -> dict[str, Any]:
    """Rows and cells have names of the admin's own, so that pydantic knows nothing of them."""
    priority: dict[str, Any] = {"enum": [*Priority]}
    rows = {"type": "object", "additionalProperties": priority}
    cells = {"anyOf": [priority, rows]}
    of_type = {"type": "object", "additionalProperties": cells}
    return {"type": "object", "properties": {kind.value: of_type for kind in TicketType}, "additionalProperties": cells}


def _tidy(node: Any) -> Any:
    """Leave out what says nothing to an admin: pydantic's titles, and null, which TOML has not."""
    if isinstance(node, list):
        return [_tidy(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {key: _tidy_below(key, value) for key, value in node.items() if key != "title" or isinstance(value, dict)}
    if found.get("default", "") is None or isinstance(found.get("default"), dict):
        del found["default"]
    if "patternProperties" in found:
        # Names of a wrong form are refused, not passed over.
        ((pattern, value),) = found.pop("patternProperties").items()
        found |= {"propertyNames": {"pattern": pattern}, "additionalProperties": value}
    if "anyOf" in found:
        choices = _flat(found.pop("anyOf"))
        found = choices[0] | found if len(choices) == 1 else found | {"anyOf": choices}
    if "description" in found and isinstance(found["description"], str):
        found["description"] = " ".join(found["description"].split())
    return found


def _tidy_below(key: str, value: Any) -> Any:
    """Tables of names keep every name, whatever it is called."""
    if key in ("properties", "$defs"):
        return {name: _tidy(one) for name, one in value.items()}
    return value if key in ("default", "examples", "enum") else _tidy(value)


def _flat(choices: list[Any]) -> list[Any]:
    found: list[Any] = []
    for one in choices:
        below = _flat(one["anyOf"]) if set(one) == {"anyOf"} else [one]
        found += [choice for choice in below if choice != {"type": "null"} and choice not in found]
    return found
