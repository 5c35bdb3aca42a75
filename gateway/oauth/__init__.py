"""Logins with tokens (OAuth 2.0) at Microsoft 365, Google and others, for mailboxes and the relay.

`accounts` has a token for whoever needs one, `client` speaks with the token server, `explain` knows what a refusal
really means, `sasl` the words of the login, `login` lets a person log in once.
"""

from gateway.oauth.accounts import Access, Account, Tokens, TokenTrouble

__all__ = ["Access", "Account", "TokenTrouble", "Tokens"]
