"""What an agent should know about a message before believing it, shown above the text.

Words of `templates/_marks.txt`, which says them in the agent's language, or short sentences.
"""

from __future__ import annotations

from gateway.mail import Transport
from gateway.triage.case import Case


def marks_of(case: Case, *, another_person: bool = False) -> tuple[str, ...]:
    mail, policy = case.mail, case.policy
    address = case.sender.address
    marks: list[str] = []
    if another_person:
        marks.append("another_person")
    if not policy.is_own_domain(address):
        marks += ["external"] if case.facts.auth_trusted else ["external", "unverified"]
    if mail.sender_defects:
        marks.append(f"sender not to be trusted: {', '.join(mail.sender_defects)}")
    replies_to = [reply_to.address for reply_to in mail.reply_to if reply_to.address != address]
    if replies_to:
        marks.append("reply_to_differs")
    others = [person.address for person in (*mail.to, *mail.cc) if not policy.is_desk_address(person.address)]
    others = list(dict.fromkeys(other for other in others if other != address))
    if others:
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        marks.append(f"also addressed to {', '.join(others[:5])}{more}; they do not follow the ticket (#cc adds them)")
    if mail.defect:
        marks.append(f"could not be read ({mail.defect}); the original mail is attached")
    if case.envelope.full_size_bytes is not None:
        megabytes = case.envelope.full_size_bytes / 1024 / 1024
        marks.append(
            f"too large ({megabytes:.0f} MB): only its beginning was fetched; the mail is still in the mailbox"
        )
    if case.envelope.transport is Transport.IMPORT:
        marks.append("imported")
    if case.threading.others:
        listed = ", ".join(str(number) for number in case.threading.others)
        marks.append(f"names other tickets too: {listed}")
    return tuple(marks)
