"""The tables of gateway.toml. The docstring under a field is the operator's documentation of that key."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from gateway.options.tables import FilePath, OptionalFilePath, OptionTable, wrong
from gateway.settings.oauth import Oauth

MEBIBYTE = 1024 * 1024
GIBIBYTE = 1024 * MEBIBYTE

_SHORT_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?")
_SELECTOR = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,60}[A-Za-z0-9])?")
_URL = re.compile(r"(?:sqlite:///.+|postgres(?:ql)?://.+)")


def _short_name(text: str) -> str:
    if not _SHORT_NAME.fullmatch(text):
        raise wrong(f'"{text}" is not a short name', "use letters, digits, - and _")
    return text


def _url(text: str) -> str:
    if text and not _URL.fullmatch(text):
        raise wrong("is not the URL of a database", "write sqlite:///path or postgresql://user@host:5432/name")
    return text


def _listen(text: str) -> str:
    host, _, port = text.rpartition(":")
    if text.startswith("unix:") and len(text) > len("unix:"):
        return text
    if not host or not port.isascii() or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise wrong(f'"{text}" is not a place to listen', 'write "127.0.0.1:8024" or "unix:/run/gateway/lmtp.sock"')
    return text


def _selector(text: str) -> str:
    if not _SELECTOR.fullmatch(text):
        raise wrong(f'"{text}" is no DKIM selector', "use letters, digits, - and dots")
    return text


def _network(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        raise wrong(f'"{text}" is not an IP address or network', 'write "192.0.2.7" or "192.0.2.0/24"') from None
    return text


ShortName = Annotated[str, AfterValidator(_short_name)]
Port = Annotated[int, Field(ge=0, le=65535)]
AtLeastOne = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Percent = Annotated[int, Field(ge=0, le=99)]
SizeBytes = Annotated[int, Field(ge=1024)]
Networks = Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], Field(strict=False)]
Command = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(strict=False)]
Tls = Literal["implicit", "starttls", "none"]
Role = Literal["inbox", "sent"]


class Storage(OptionTable):
    """`[storage]`: where the gateway keeps things."""

    folder: FilePath = Path("storage")
    """The folder for the database and the outgoing Maildir."""
    url: Annotated[str, AfterValidator(_url)] = Field(default="", repr=False)
    """The database: sqlite:///path or postgresql://user@host:5432/name; "" = gateway.sqlite in the folder."""
    password: SecretStr = SecretStr("")
    """The password of the database; only from GATEWAY_STORAGE_PASSWORD or password_file."""
    password_file: OptionalFilePath = None
    """A file with the password of the database in its first line."""
    minimum_free_bytes: Count = GIBIBYTE
    """New mail is put off (452) when less than this is free on the disk…"""
    minimum_free_percent: Percent = 5
    """…or less than this share of it, whichever is smaller."""


class Smtp(OptionTable):
    """`[smtp]`: mail in by SMTP."""

    enabled: bool = True
    """Whether to listen at all."""
    host: str = "127.0.0.1"
    """The address to listen on; "::" or "0.0.0.0" = all."""
    port: Port = 8025
    """The port to listen on; 0 = a free one, which is printed."""
    hostname: str = ""
    """The name that we greet with; "" = the machine's."""
    size_limit_bytes: SizeBytes = 52_428_800
    """The largest mail that we take."""
    tls_certificate: OptionalFilePath = None
    """A PEM file with certificate and chain; STARTTLS is offered when it is set."""
    tls_key: OptionalFilePath = None
    """A PEM file with the key; by default it is in the certificate's file."""
    require_starttls: bool = False
    """Whether mail is taken only after STARTTLS."""
    connections: AtLeastOne = 50
    """At most so many connections at the same time."""
    connections_per_peer: AtLeastOne = 10
    """At most so many of them from one address that is not trusted."""
    trusted_peers: Networks = ("127.0.0.1", "::1")
    """Addresses or networks of your own mail servers: twice as many connections in all and any number from one of
    them, ten times as many recipients, commands and errors, and no end to how long they stay."""
    recipients: AtLeastOne = 100
    """At most so many recipients of one mail; RFC 5321 asks for 100."""
    commands: AtLeastOne = 100
    """At most so many commands, besides accepted recipients, before a mail is taken; then the connection ends."""
    errors: AtLeastOne = 10
    """At most so many refused commands before a mail is taken; then the connection ends."""
    command_seconds: AtLeastOne = 300
    """How long to wait for the next command; RFC 5321 asks for five minutes."""
    idle_seconds: AtLeastOne = 60
    """How long a mail's content may stop before the connection is cut."""
    mail_seconds: AtLeastOne = 600
    """How long a connection may stay without bringing a mail, and a mail's content may take (and a second more for each
    16 KiB of it)."""
    submitters_only: bool = False
    """Whether only users who have proven to your mail server who they are reach this port: then From is believed where
    it is the envelope's sender and in an own domain."""
    memory_bytes: Annotated[int, Field(ge=MEBIBYTE)] = 16 * MEBIBYTE
    """How much mail that is coming in may lie in memory, in all connections together; more goes through files."""


class Lmtp(OptionTable):
    """`[lmtp]`: mail in by LMTP, from a mail server on the same machine or network."""

    enabled: bool = False
    """Whether to listen at all."""
    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:8024"
    """Where to listen: "host:port" or "unix:/path"."""
    submitters_only: bool = False
    """Whether only mail of users who have proven to your mail server who they are comes in here, as in `[smtp]`."""


class Mailbox(OptionTable):
    """`[[mailbox]]`: a folder on an IMAP server that is watched; as many as you like."""

    name: ShortName
    """A short name of your own; it appears in GATEWAY_MAILBOX_<NAME>_PASSWORD."""
    host: Annotated[str, Field(min_length=1)]
    """The IMAP server."""
    port: Port = 993
    """Its port."""
    tls: Tls = "implicit"
    """implicit (993), starttls (143), or none, which is allowed on this machine only."""
    ca_file: OptionalFilePath = None
    """A PEM file with the authority of the server's certificate; by default the system's."""
    user: Annotated[str, Field(min_length=1)]
    """The login."""
    password: SecretStr = SecretStr("")
    """The password; only from GATEWAY_MAILBOX_<NAME>_PASSWORD or password_file."""
    password_file: OptionalFilePath = None
    """A file with the password in its first line."""
    oauth: str = ""
    """The NAME of the `[oauth.NAME]` that logs in, instead of a password; "" = none."""
    folder: Annotated[str, Field(min_length=1)] = "INBOX"
    """The folder that is watched."""
    role: Role = "inbox"
    """inbox = mail to the desk; sent = what people send by hand in the desk's name."""
    poll_seconds: AtLeastOne = 60
    """How often to look where the server can't tell by itself."""
    idle: bool = True
    """Whether to let the server tell (IDLE) where it can."""
    after: Literal["leave", "flag", "move"] = "leave"
    """What happens to a mail that we have stored: leave it, flag it, or move it."""
    move_to: str = ""
    """The folder for after = "move"."""
    flag: Annotated[str, Field(min_length=1)] = "$HelpdeskDone"
    """The flag for after = "flag"."""
    timeout_seconds: AtLeastOne = 60
    """How long to wait for the server's answer."""
    size_limit_bytes: SizeBytes = 52_428_800
    """Of a larger mail only the beginning is fetched."""


class Relay(OptionTable):
    """`[relay]`: mail out."""

    host: str = ""
    """The server that takes our mail; "" = none: mail is put into the Maildir storage/outgoing."""
    port: Port = 587
    """Its port."""
    tls: Tls = "starttls"
    """starttls (587), implicit (465), or none."""
    ca_file: OptionalFilePath = None
    """A PEM file with the authority of the server's certificate; by default the system's."""
    user: str = ""
    """The login; "" = none."""
    password: SecretStr = SecretStr("")
    """The password; only from GATEWAY_RELAY_PASSWORD or password_file."""
    password_file: OptionalFilePath = None
    """A file with the password in its first line."""
    oauth: str = ""
    """The NAME of the `[oauth.NAME]` that logs in, instead of a password; "" = none."""
    per_minute: Count = 0
    """At most so many mails a minute; 0 = no limit. Microsoft 365 allows 30."""
    connections: AtLeastOne = 3
    """At most so many connections at the same time. Microsoft 365 allows 3."""
    timeout_seconds: AtLeastOne = 60
    """How long to wait for the server's answer."""
    retry_days: AtLeastOne = 5
    """How long to try before the mail is given up and the agent told."""
    sent_mailbox: str = ""
    """The name of a [[mailbox]] on whose server a copy of sent mail is filed; "" = none."""
    sent_folder: Annotated[str, Field(min_length=1)] = "Sent"
    """The folder for these copies."""
    hostname: str = ""
    """The name that we say in EHLO; "" = the machine's."""
    dkim_key_file: OptionalFilePath = None
    """A PEM file with the RSA key that signs what we send (DKIM), where the relay does not; needs the extra dkim."""
    dkim_selector: Annotated[str, AfterValidator(_selector)] = "helpdesk"
    """Under which name the public key stands in the DNS: helpdesk._domainkey.example.com."""
    dkim_domain: str = ""
    """The domain that signs; "" = that of the desk's address."""


class Sorting(OptionTable):
    """`[sorting]`: how mail is worked off."""

    workers: AtLeastOne = 1
    """How many processes parse mail."""
    parse_seconds: AtLeastOne = 10
    """How long one mail may take to parse, in seconds of CPU."""
    parse_memory_bytes: Annotated[int, Field(ge=128 * MEBIBYTE)] = 512 * MEBIBYTE
    """How much memory a process may use that parses mail; it starts with about 70 MiB."""
    batch: AtLeastOne = 64
    """At most so many mails are committed together."""


class Alarms(OptionTable):
    """`[alarms]`: when the operators of `[desk]` in rules.toml hear that something is wrong."""

    mailbox_minutes: AtLeastOne = 15
    """A mailbox that could not be looked into for so long is an alarm."""
    heartbeat_minutes: Count = 0
    """How often the desk writes a mail to itself, through relay and mailbox, to measure the way round; 0 = never."""
    heartbeat_missing_minutes: AtLeastOne = 30
    """When that mail has not come back for so long, it is an alarm."""
    command: Command = ()
    """A command that gets each alarm as text on its standard input, for the day when the relay is what is broken."""


class Log(OptionTable):
    """`[log]`: what is written to standard output."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important lines that are written."""
    format: Literal["text", "json"] = "text"
    """text for people, json for machines."""


class Settings(OptionTable):
    """The whole of gateway.toml, with the environment's word over it; all paths are absolute."""

    folder: Path = Field(default=Path(), repr=True)
    """The folder that gateway.toml is in; relative paths start there."""
    rules_file: FilePath = Path("rules.toml")
    """The policy."""
    templates_folder: FilePath = Path("templates")
    """The words of every mail."""
    storage: Storage = Storage()
    """Where the gateway keeps things."""
    smtp: Smtp = Smtp()
    """Mail in by SMTP."""
    lmtp: Lmtp = Lmtp()
    """Mail in by LMTP."""
    mailboxes: Annotated[tuple[Mailbox, ...], Field(strict=False)] = Field(default=(), alias="mailbox")
    """Folders on IMAP servers that are watched."""
    relay: Relay = Relay()
    """Mail out."""
    oauth: dict[ShortName, Oauth] = Field(default_factory=dict)
    """Accounts at token servers, by a short name of your own."""
    sorting: Sorting = Sorting()
    """How mail is worked off."""
    alarms: Alarms = Alarms()
    """When the operators hear that something is wrong."""
    log: Log = Log()
    """What is written to standard output."""

    def mailbox_named(self, name: str) -> Mailbox | None:
        """Find a mailbox by its name, in any case."""
        return next((box for box in self.mailboxes if box.name.casefold() == name.casefold()), None)
