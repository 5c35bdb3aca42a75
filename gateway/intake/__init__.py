"""Every way in for mail: SMTP, LMTP, IMAP and the pipe, and the one door behind them (`accept`).

A mail is stored with its envelope and flushed before anybody is told that we have it.
"""
