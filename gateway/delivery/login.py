"""Log in to the relay with a token: XOAUTH2 or OAUTHBEARER (RFC 7628) after EHLO.

aiosmtplib knows XOAUTH2, but throws away the reason that a server gives before its "no"; so the two lines of the
dialogue are ours, and its connection, time-outs and encodings are the library's.
"""

from __future__ import annotations

import asyncio
import base64
import binascii

import aiosmtplib

from gateway.delivery.outcome import Answer, ChannelTrouble, Fate, one_line
from gateway.oauth import Access, Account, TokenTrouble
from gateway.oauth.sasl import MECHANISMS, Exchange, mechanism_of
from gateway.settings import Relay

_ACCEPTED, _CHALLENGE = 235, 334


class TokenOutdated(Exception):
    """The relay refused a token that was good before; the account has another one by now: connect again."""


async def token_of(account: Account) -> Access:
    """The account's token, fetched beside the event loop; raises ChannelTrouble with the cause."""
    try:
        return await asyncio.to_thread(account.access)
    except TokenTrouble as trouble:
        raise ChannelTrouble(Answer(fate=Fate.NO_TOKEN, reply=trouble.public_text)) from trouble


async def show_token(client: aiosmtplib.SMTP, settings: Relay, account: Account, access: Access) -> None:
    """Log in; raises TokenOutdated, ChannelTrouble with the real cause, and what aiosmtplib raises."""
    offered = {method.upper() for method in client.server_auth_methods}
    mechanism = mechanism_of(offered)
    if not mechanism:
        words = f"{settings.host} offers neither {' nor '.join(MECHANISMS)} (offered: {', '.join(sorted(offered))})"
        raise ChannelTrouble(Answer(fate=Fate.MISCONFIGURED, reply=words))
    exchange = Exchange(
        mechanism=mechanism, user=settings.user, token=access.token, host=settings.host, port=settings.port
    )
    response = await client.execute_command(b"AUTH", mechanism.encode(), base64.b64encode(exchange(b"")))
    if response.code == _CHALLENGE:
        response = await client.execute_command(base64.b64encode(exchange(_decoded(response.message))))
    place = f"{settings.user}@{settings.host}:{settings.port}"
    if response.code == _ACCEPTED:
        account.accepted(access, place)
        return
    said = one_line(response.code, response.message)
    # "432 4.3.2 Concurrent connections limit exceeded" and the like are not about the token.
    if not 500 <= response.code <= 599:
        raise ChannelTrouble(Answer(fate=Fate.UNREACHABLE, reply=said))
    if await asyncio.to_thread(account.refused, access, place):
        raise TokenOutdated
    hint = account.why_refused(
        access, service="smtp", said=said, server_error=exchange.server_error, user=settings.user
    )
    raise ChannelTrouble(Answer(fate=Fate.MISCONFIGURED, reply=f"{said} ({hint})"))


def _decoded(challenge: str) -> bytes:
    try:
        return base64.b64decode(challenge)
    except (binascii.Error, ValueError):
        return b""
