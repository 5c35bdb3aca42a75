"""A day at a small desk, played with the real gateway: `story` is what people write, `stage` lets them.

Behind `gateway demo`; nothing of it touches an admin's files. `gateway.cli.demonstration` shows it.
"""
