"""What no single table of rules.toml can know: names that point at each other, and addresses that must differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from gateway.options.problems import Mistake, Path
from gateway.options.suggestions import nearest_or_all
from gateway.policy.asked import asked
from gateway.policy.duty import agents_named_in
from gateway.policy.policy import Policy
from gateway.policy.promises import ALWAYS, DESK
from gateway.policy.targets import targets, unknown_agent, unknown_team


def cross_check(policy: Policy) -> list[Mistake]:
    """List every mistake that shows only when the tables are seen together."""
    return [mistake for check in CHECKS for mistake in check(policy)]


def _desk(policy: Policy) -> Iterator[Mistake]:
    desk = policy.desk
    domain = desk.address.rpartition("@")[2]
    if not policy.is_own_domain(domain):
        yield Mistake(
            path=("desk", "own_domains"),
            message=f"does not have the domain of the desk's own address, {domain}",
            suggestion=f'add "{domain}"',
        )
    if desk.incident_prefix == desk.request_prefix:
        yield Mistake(path=("desk", "request_prefix"), message="is the same as incident_prefix")
    for name, addresses in (("address", (desk.address,)), ("aliases", desk.aliases)):
        for number, address in enumerate(addresses):
            if "+" in address.partition("@")[0]:
                place: Path = ("desk", name) if name == "address" else ("desk", name, number)
                hint = f'write "{address.partition("+")[0]}@{address.partition("@")[2]}"'
                yield Mistake(path=place, message=f'"{address}" has a +, which is for reply keys', suggestion=hint)


def _people(policy: Policy) -> Iterator[Mistake]:
    if not policy.teams:
        yield Mistake(path=("team",), message="there is no team", suggestion='write [[team]] with name = "desk"')
    if not policy.agents:
        yield Mistake(
            path=("agent",),
            message="there is no agent, so nobody would get a ticket",
            suggestion="write [[agent]] with name and address",
        )
    for number, agent in enumerate(policy.agents):
        for index, team in enumerate(agent.teams):
            if policy.team_named(team) is None:
                yield unknown_team(policy, ("agent", number, "teams", index), team)
        addresses: list[tuple[Path, str]] = [(("agent", number, "address"), agent.address)]
        addresses += [
            (("agent", number, "other_addresses", index), address)
            for index, address in enumerate(agent.other_addresses)
        ]
        for place, address in addresses:
            if policy.is_desk_address(address):
                yield Mistake(
                    path=place,
                    message=f'"{address}" is an address of the desk; mail to this agent would come back as a ticket',
                )


def _same_people(policy: Policy) -> Iterator[Mistake]:
    """An address is one person's."""
    listed = Counter(other for other, _ in policy.others)
    for other, owner in policy.others:
        path: Path = ("person",)
        if other in policy.people:
            hint = f"name its attributes at {owner} only"
            yield Mistake(
                path=path, message=f'"{other}" is another address of {owner}, and a person too', suggestion=hint
            )
        elif listed[other] > 1:
            yield Mistake(path=path, message=f'"{other}" is another address of {owner}, and of somebody else')
        elif policy.is_desk_address(other):
            yield Mistake(path=path, message=f'"{other}" is an address of the desk itself')


def _readers(policy: Policy) -> Iterator[Mistake]:
    """Keepers must be agents, since they prove themselves as such; operators need an address at least."""
    for number, word in enumerate(policy.desk.keepers):
        if policy.agent_named(word) is None:
            yield unknown_agent(policy, ("desk", "keepers", number), word)
    for number, word in enumerate(policy.desk.admins):
        if policy.agent_named(word) is None:
            yield unknown_agent(policy, ("desk", "admins", number), word)
    for number, word in enumerate(policy.desk.operators):
        if policy.agent_named(word) is None and "@" not in word:
            yield unknown_agent(policy, ("desk", "operators", number), word)
        elif policy.is_desk_address(word):
            yield Mistake(path=("desk", "operators", number), message=f'"{word}" is an address of the desk itself')


def _tiers(policy: Policy) -> Iterator[Mistake]:
    """Leads work on tickets, so they must be agents; managers need an address; no tier is above itself."""
    for number, team in enumerate(policy.teams):
        for index, word in enumerate(team.leads):
            if policy.agent_named(word) is None:
                yield unknown_agent(policy, ("team", number, "leads", index), word)
        for index, word in enumerate(team.managers):
            if policy.agent_named(word) is None and "@" not in word:
                yield unknown_agent(policy, ("team", number, "managers", index), word)
            elif policy.is_desk_address(word):
                path: Path = ("team", number, "managers", index)
                yield Mistake(path=path, message=f'"{word}" is an address of the desk itself')
        if not team.escalates_to:
            continue
        above = policy.team_named(team.escalates_to)
        if above is None:
            yield unknown_team(policy, ("team", number, "escalates_to"), team.escalates_to)
        elif team in policy.tiers_above(team.name):
            way = " → ".join([team.name, *(one.name for one in policy.tiers_above(team.name))])
            yield Mistake(path=("team", number, "escalates_to"), message=f"leads back to itself: {way}")


def _promises(policy: Policy) -> Iterator[Mistake]:
    """Targets and steps name calendars, teams and each other."""
    calendars = [table.name for table in policy.calendars]
    for number, table in enumerate(policy.calendars):
        if table.name.casefold() in (DESK, ALWAYS):
            path: Path = ("calendar", number, "name")
            is_desk = table.name.casefold() == DESK
            means = "the desk's own calendar" if is_desk else "the calendar that is always open"
            hint = "write working_hours, holidays, closed and open under [desk]" if is_desk else "take another name"
            yield Mistake(path=path, message=f'"{table.name}" is the name of {means}', suggestion=hint)
    for number, sla in enumerate(policy.slas):
        if sla.calendar.casefold() not in [DESK, ALWAYS, *map(str.casefold, calendars)]:
            hint = nearest_or_all(sla.calendar, [*calendars, DESK, ALWAYS])
            message = f'there is no calendar "{sla.calendar}"'
            yield Mistake(path=("sla", number, "calendar"), message=message, suggestion=hint)
        for index, name in enumerate(sla.team):
            if policy.team_named(name) is None:
                yield unknown_team(policy, ("sla", number, "team", index), name)
    names = [sla.name for sla in policy.slas]
    for number, step in enumerate(policy.ladder):
        if step.reassign and policy.team_named(step.reassign) is None:
            yield unknown_team(policy, ("ladder", number, "reassign"), step.reassign)
        for index, name in enumerate(step.sla):
            if name not in names:
                path = ("ladder", number, "sla", index)
                yield Mistake(path=path, message=f'there is no sla "{name}"', suggestion=nearest_or_all(name, names))


def _duties(policy: Policy) -> Iterator[Mistake]:
    """Rotas name a team and its agents; agents name their calendars."""
    calendars = [DESK, ALWAYS, *(table.name.casefold() for table in policy.calendars)]
    for number, agent in enumerate(policy.agents):
        if agent.calendar and agent.calendar.casefold() not in calendars:
            hint = nearest_or_all(agent.calendar, calendars)
            yield Mistake(
                path=("agent", number, "calendar"), message=f'there is no calendar "{agent.calendar}"', suggestion=hint
            )
    for number, rota in enumerate(policy.rotas):
        if policy.team_named(rota.team) is None:
            yield unknown_team(policy, ("rota", number, "team"), rota.team)
        for index, word in enumerate(rota.agents):
            if policy.agent_named(word) is None:
                yield unknown_agent(policy, ("rota", number, "agents", index), word)
        kept = policy.rota_files.get(rota.file)
        if kept is not None and not any(agents_named_in(policy, names) for names in kept.events):
            yield Mistake(
                path=("rota", number, "file"),
                message=f'no event of "{rota.file}" names an agent',
                suggestion="write the agent's name into the title, or invite the agent's address",
            )


def _endings(policy: Policy) -> Iterator[Mistake]:
    """What must be known names teams that there are, and codes only where there are any."""
    yield from _repeated(
        [(("closing", "codes", n), code) for n, code in enumerate(policy.closing.codes)], "stands twice"
    )
    for number, one in enumerate(policy.closing.require):
        for index, name in enumerate(one.team):
            if policy.team_named(name) is None:
                yield unknown_team(policy, ("closing", "require", number, "team", index), name)
        if "code" in one.facts and not policy.closing.codes:
            path: Path = ("closing", "require", number, "facts")
            yield Mistake(
                path=path, message="asks for a code, but there are none", suggestion='write codes = ["fixed"]'
            )


def _notices(policy: Policy) -> Iterator[Mistake]:
    """One table for each event; what nobody is told of needs no more words."""
    seen: set[str] = set()
    for number, rule in enumerate(policy.notice_rules):
        for index, event in enumerate(rule.event):
            if event in seen:
                path: Path = ("notice", number, "event", index)
                yield Mistake(path=path, message=f"an earlier [[notice]] says who is told of {event.value}")
            seen.add(event)


def _unique_names(policy: Policy) -> Iterator[Mistake]:
    words: list[tuple[Path, str]] = [(("team", number, "name"), team.name) for number, team in enumerate(policy.teams)]
    words += [(("agent", number, "handle"), agent.handle) for number, agent in enumerate(policy.agents)]
    yield from _repeated(words, "is the name of another team or agent, so #assign could not tell them apart")
    addresses: list[tuple[Path, str]] = []
    for number, agent in enumerate(policy.agents):
        addresses.append((("agent", number, "address"), agent.address))
        addresses += [
            (("agent", number, "other_addresses", index), address)
            for index, address in enumerate(agent.other_addresses)
        ]
    yield from _repeated(addresses, "is the address of an earlier agent")
    yield from _repeated(
        [(("rule", n, "name"), rule.name) for n, rule in enumerate(policy.rules)],
        "names an earlier rule",
        "take another name",
    )
    slas: list[tuple[Path, str]] = [(("sla", number, "name"), sla.name) for number, sla in enumerate(policy.slas)]
    yield from _repeated(slas, "names an earlier sla", "take another name")
    calendars: list[tuple[Path, str]] = [(("calendar", n, "name"), one.name) for n, one in enumerate(policy.calendars)]
    yield from _repeated(calendars, "names an earlier calendar", "take another name")


def _repeated(places: list[tuple[Path, str]], message: str, suggestion: str = "") -> Iterator[Mistake]:
    seen: Counter[str] = Counter()
    for place, word in places:
        if seen[word.casefold()]:
            yield Mistake(path=place, message=f'"{word}" {message}', suggestion=suggestion)
        seen[word.casefold()] += 1


CHECKS = (
    _desk,
    _people,
    _same_people,
    _readers,
    _tiers,
    _promises,
    _duties,
    _endings,
    _notices,
    _unique_names,
    asked,
    targets,
)
