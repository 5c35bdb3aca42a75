"""What the screens know: the signs of a mail, the screens one by one, what forbids an answer, and the reasons' words.

`gateway.triage.screen` puts them in their order; nothing else imports from here.
"""
