"""Samples of what lets an agent act with little typing: the links of every mail, and the preview of a canned answer."""

from __future__ import annotations

from collections.abc import Mapping

# Every mail to an agent has `links`: what each of them writes, and the address with its key; [] where there are none.
LINKS: Mapping[str, object] = {
    "links": [
        {"name": "take", "line": "#take", "href": "mailto:helpdesk+k7f3a@example.com?subject=%5BINC-1042%5D"},
        {"name": "hold", "line": "#hold requester", "href": "mailto:helpdesk+k7f3b@example.com?subject=%5BINC-1042%5D"},
    ]
}
ACTING: dict[str, tuple[Mapping[str, object], Mapping[str, object]]] = {
    "preview": (
        # `words`: what the canned answer of that name would say.
        {"answer": "vpn-reset", "words": "Hello Erika Muster,\n\nI have renewed your VPN profile."},
        {"answer": "a", "words": "Hello,"},
    ),
}
