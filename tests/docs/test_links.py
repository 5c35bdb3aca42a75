"""Links between the pages lead somewhere, and the pages carry nothing that only their author has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import CHECKOUT, FENCE, pages, read, shown

LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
ALL = [*pages(), CHECKOUT / "storage" / "README.md"]


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", read(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", ALL, ids=shown)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(read(page)):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


def test_every_page_can_be_found_from_the_readme() -> None:
    linked = {(CHECKOUT / target.partition("#")[0]).resolve() for target in LINK.findall(read(CHECKOUT / "README.md"))}
    assert [shown(page) for page in pages() if page not in linked and page.name != "README.md"] == []


@pytest.mark.parametrize("page", ALL, ids=shown)
def test_sentences_stand_on_lines_of_their_own(page: Path) -> None:
    """Semantic newlines: a change of one sentence is a change of one line. Tables, lists and code may be long."""
    plain = [line for line in FENCE.sub("", read(page)).splitlines() if line and line[0] not in "|-<#* 0123456789"]
    assert [line for line in plain if len(line) > 240] == []
