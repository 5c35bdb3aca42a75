"""The tables of rules.toml that say who the desk is: `[desk]`, `[defaults]`, `[[team]]`, `[[agent]]`.

The docstring under a field is the admin's documentation of that key.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gateway.options.tables import OptionTable
from gateway.policy.promises import Days, OpenedDays, Regions
from gateway.policy.values import (
    Address,
    Addresses,
    CategoryPart,
    Domains,
    FullName,
    Language,
    LanguageOrNone,
    ListIds,
    Name,
    NameOrNone,
    Names,
    People,
    Prefix,
    SpamHeaders,
    TimeZone,
    Type,
    WorkingHours,
    WorkingHoursOrNone,
)
from gateway.ticket import TicketType

# What the filters that we met write. Who marks the own mail harms only himself.
SPAM_HEADERS = (
    "X-Spam-Flag",
    "X-Spam-Status",
    "X-Spam",
    "X-Spamd-Result",
    "X-Barracuda-Spam-Flag",
    "X-Barracuda-Spam-Status",
    "X-DSPAM-Result",
    "X-Bogosity",
    "X-Proofpoint-Spam-Details",
    "X-MS-Exchange-Organization-SCL",
    "X-Forefront-Antispam-Report",
)

Count = Annotated[int, Field(ge=0)]
# An answer that waits for longer than some hours has been forgotten.
DelayMinutes = Annotated[int, Field(ge=0, le=240)]
AtLeastOne = Annotated[int, Field(ge=1)]


class Desk(OptionTable):
    """`[desk]`: the desk itself."""

    name: FullName = "Help Desk"
    """The name that people see as the sender of what the desk writes."""
    address: Address
    """The address that employees write to and that every answer comes from."""
    aliases: Addresses = ()
    """Other addresses of the same desk; mail to them is mail to the desk."""
    own_domains: Domains = ()
    """The domains of your organisation, "*.example.com" for all below one; by default the domain of `address`."""
    language: Language = "en"
    """The language for people whose own language is not known."""
    time_zone: TimeZone = "UTC"
    """The zone of working hours and of times in mails, like "Europe/Berlin"."""
    working_hours: WorkingHours = "Mo-Fr 08:00-17:00"
    """When people work at the desk, in the notation of OpenStreetMap's opening_hours."""
    holidays: Regions = ()
    """Whose public holidays are free at the desk: countries or their regions, "DE", "DE-BE", "US-CA"."""
    closed: Days = ()
    """Further days on which nobody works at the desk: "2026-12-24"."""
    opened: OpenedDays = Field(default=(), alias="open")
    """Days on which the desk has hours of their own, whatever else is said of them: "2026-12-05 09:00-13:00"."""
    incident_prefix: Prefix = "INC"
    """The letters before the number of an incident: [INC-1042]."""
    request_prefix: Prefix = "REQ"
    """The letters before the number of a service request: [REQ-1043]."""
    plus_addresses: bool = True
    """Whether your mail server delivers desk+anything@ to the desk; if so, replies find their ticket by it."""
    acknowledge: Literal["own", "everyone", "nobody"] = "own"
    """Whom a new ticket is acknowledged to: own domains and authenticated senders, everyone, or nobody."""
    close_after_working_days: AtLeastOne = 5
    """A resolved ticket closes after so many working days; until then a reply reopens it."""
    closing_mail: bool = False
    """Whether requester and watchers are told when a ticket closes; the requester not where their own word closed it. A
    `[[notice]]` of closing goes before it."""
    collision_minutes: Count = 15
    """An answer is held when another agent has answered in the last so many minutes before it; 0 = never."""
    send_delay_minutes: DelayMinutes = 0
    """Agents' answers leave so many minutes after they were written; `#undo` takes them back before; 0 = at once."""
    undo_minutes: Count = 10
    """For how many minutes `#undo` takes back an agent's last mail on a ticket; 0 = never."""
    action_links: bool = True
    """Whether agents' mails carry links that write the usual commands, so that a tap and a send are enough."""
    same_matter_hours: Annotated[int, Field(ge=0, le=72)] = 4
    """Who writes the same thing again within so many hours gets one ticket, and is told so; 0 = never."""
    key_days: AtLeastOne = 90
    """How many days after the last activity on a ticket its reply keys expire."""
    keepers: People = ()
    """Agents who get the daily digest of the quarantine and may answer it; [] = the agents of the default team."""
    operators: People = ()
    """Agents or addresses that hear when something breaks and when it is over; [] = the first agent of the file."""
    admins: People = ()
    """Agents who tune the rules: they hear of refused files and may ask `#why` and `#rules stats`; [] = the operators
    that are agents, else the first agent."""
    quarantine_days: Count = 90
    """Spam, floods and blocked senders' mail is deleted after so many days, announced a week before; 0 = never."""
    trusted_authserv_id: str = ""
    """The name that your own mail server writes first into Authentication-Results; "" = trust none."""
    own_lists: ListIds = ()
    """The List-Ids of your own distribution lists that feed the desk; mail through them is like mail to the desk."""
    spam_headers: SpamHeaders = SPAM_HEADERS
    """Headers by which a spam filter is believed, as "Name" or "Name: value"; best only those of your own filter."""


class Defaults(OptionTable):
    """`[defaults]`: what a ticket is where no rule says more."""

    type: Type = TicketType.INCIDENT
    """Something broken (incident) or something asked for (request)."""
    impact: str = "medium"
    """How wide: high, medium or low, or a level of your own matrix."""
    urgency: str = "medium"
    """How pressing: high, medium or low, or a level of your own matrix."""
    category: Annotated[CategoryPart, Field(min_length=1)] = "general"
    """The category."""
    subcategory: CategoryPart = ""
    """The subcategory within the category; "" = none."""
    team: str = ""
    """The team; "" = the first `[[team]]` of the file."""


class Team(OptionTable):
    """`[[team]]`: one group of agents."""

    name: Name
    """A short name without spaces, as in `#assign network`."""
    title: str = ""
    """The name as people read it; "" = the short name."""
    leads: People = ()
    """Agents or addresses that lead the team: they hear of trouble first, and may command its queue."""
    managers: People = ()
    """Agents or addresses above the leads: the last step of an escalation."""
    escalates_to: NameOrNone = ""
    """The team of the next tier, to which `#escalate` gives a ticket; "" = nobody is above."""
    assign: Literal["nobody", "round_robin", "least_loaded"] = "nobody"
    """To whom of the team at work a new ticket is given: to nobody, in turn, or to who has the fewest open tickets."""


class Agent(OptionTable):
    """`[[agent]]`: one person who answers tickets."""

    name: FullName
    """The full name; requesters see it."""
    address: Address
    """The address that tickets are sent to and that answers come from."""
    handle: NameOrNone = ""
    """A short name, as in `#assign anna`; by default what stands before the @ of `address`."""
    other_addresses: Addresses = ()
    """Other addresses that this agent writes from."""
    teams: Names = ()
    """The short names of this agent's teams."""
    language: LanguageOrNone = ""
    """The language of the desk's mails to this agent; "" = the desk's."""
    skills: People = ()
    """What this agent knows best, as categories ("network", "network/vpn") or tags: such tickets are given to those."""
    calendar: NameOrNone = ""
    """When this agent works: a `[[calendar]]`; "" = the desk's hours and holidays."""
    hours: WorkingHoursOrNone = ""
    """The agent's own hours within that calendar, "Mo-We 08:00-12:00"; "" = all of its hours."""


class Trust(OptionTable):
    """`[trust]`: what an agent's mail must prove; docs/security.md has the table."""

    require: Literal["key", "key+domain"] = "key"
    """What an agent's answer needs: the reply key or a proof of the domain; "key+domain" = both, else we ask."""
    confirm_days: Count = 30
    """Letting an outsider read on, with the key alone, is asked about; a yes counts so many days, 0 = for that mail."""
    questions_per_day: AtLeastOne = 10
    """At most so many questions "was it you?" to one agent in a day; further mails wait in quarantine."""
    proof_days: AtLeastOne = 90
    """How many days a passed `gateway doctor` test lets Authentication-Results be believed."""
    verify_dkim: bool = False
    """Verify the DKIM signatures of mails in agents' names ourselves; needs the extra dkim, see docs/security.md."""
