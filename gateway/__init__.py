"""Helpdesk Gateway: a help desk that lives in the mailbox.

A mail comes in by SMTP, LMTP, IMAP or a pipe. We store its bytes and write it in the ledger; only then do we say yes. A
sorter takes each waiting mail, parses it in a worker process, gathers what the database knows about it, lets pure
functions decide what it is and what should happen, and carries the decision out in one transaction. Answers are rows in
the outbox; a delivery worker renders each once, commits the final bytes, and sends those until they are taken.

Five layers; a module imports only from its own package or a layer below:

=====  ==========================================================================================================
front  `cli`: commands for admins and operators · `service`: builds and runs the parts
edge   `intake`: SMTP, LMTP, IMAP, the pipe, and the one door behind them · `parsing`, `sorting`: from ledger to
       ticket · `delivery`: from outbox to relay · `timers`, `policy_keeper`: what time and changed files bring
desk   `desk`: every read and write of tickets · `store`: tables, queues, transactions, schema steps
core   `parse`: bytes to mail · `triage`: what a mail is and what happens · `compose`: letters to bytes · `policy`,
       `settings`, `options`: the admin's files · `keys`, `worktime`: pure
words  `mail`, `ticket`, `errors`: values in the words of RFC 5322 and ITIL · `phrase`: sentences that decisions say,
       in the reader's language later; standard library only
=====  ==========================================================================================================

What always holds: nothing is lost, nothing happens twice, nothing is said to the wrong person, nothing is silent, no
mail starts a storm, no mail can stop the house. `gateway audit` proves the first two.
"""

__version__ = "0.1.0"
