"""Where the gateway runs and as whom: gateway.toml (optional) and the environment, as one immutable `Settings`.

Read once, at the start, but for the passwords of relay and mailboxes, which are read again from their files with each
login (`password_of`). A broken file is refused with every problem as a `ConfigurationError`. Secrets come from the
environment or from files named there, never from gateway.toml itself, and no `repr` shows them.
"""

from gateway.settings.loading import describe_settings, load_settings
from gateway.settings.oauth import Oauth
from gateway.settings.secrets import password_of
from gateway.settings.tables import Lmtp, Log, Mailbox, Relay, Settings, Smtp, Sorting, Storage

__all__ = [
    "Lmtp",
    "Log",
    "Mailbox",
    "Oauth",
    "Relay",
    "Settings",
    "Smtp",
    "Sorting",
    "Storage",
    "describe_settings",
    "load_settings",
    "password_of",
]
