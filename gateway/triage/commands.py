"""What agents command by mail: one table, `COMMANDS`; the help reply and the docs are generated from it.

A command is a pure function: the work so far and its argument give more work, or a `Refusal`. One refusal holds the
whole mail, so
that nothing is half done. The functions themselves are in `actions`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.phrase import Phrase, say
from gateway.policy import Policy
from gateway.triage import absence, actions, canned, ending, escalating, handover, naming, promising, undoing, watching
from gateway.triage.grammar import NOTE, CommandLine, nearest, shown
from gateway.triage.undoing import UNDO
from gateway.triage.work import Refusal, Work


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command: how it is written, what it does (a sentence for the help), and the function that does it."""

    usage: Phrase | str
    help: Phrase
    apply: Callable[[Work, str], Work | Refusal]


COMMANDS: dict[str, Command] = {
    # The end of the matter, and its return
    "resolve": Command(
        usage=say("#resolve [text]"),
        help=say("The matter is solved; the requester gets the text and is asked to say if not."),
        apply=actions.resolve,
    ),
    "workaround": Command(
        usage=say("#workaround text"),
        help=say("Helps until the matter is solved: the requester gets the text, the ticket goes on."),
        apply=ending.workaround,
    ),
    "cause": Command(
        usage=say("#cause text"), help=say("Notes for colleagues what was behind it."), apply=ending.cause
    ),
    "code": Command(
        usage=say("#code NAME"), help=say("Notes how it ended, by a name of the desk's own list."), apply=ending.code
    ),
    "close": Command(
        usage="#close",
        help=say("Ends the ticket, without a mail to the requester unless a notice says so."),
        apply=actions.close,
    ),
    "reopen": Command(usage="#reopen", help=say("Takes a resolved or closed ticket up again."), apply=actions.reopen),
    "spam": Command(usage="#spam", help=say("Cancels the ticket; the sender hears nothing."), apply=actions.spam),
    # Who works on it
    "take": Command(usage="#take", help=say("The ticket is yours."), apply=actions.take),
    "assign": Command(
        usage=say("#assign NAME|TEAM"), help=say("Gives the ticket to a colleague or to a team."), apply=actions.assign
    ),
    "away": Command(
        usage=say("#away until DAY"),
        help=say("You are away until then, or from one day to another: nothing new for you."),
        apply=absence.away_on_ticket,
    ),
    "back": Command(usage="#back", help=say("You are back."), apply=absence.back_on_ticket),
    # What it is
    "priority": Command(
        usage="#priority P2", help=say("Sets the priority, whatever impact and urgency say."), apply=actions.priority
    ),
    "impact": Command(
        usage="#impact high|medium|low", help=say("Sets the impact; the priority follows."), apply=actions.impact
    ),
    "urgency": Command(
        usage="#urgency high|medium|low", help=say("Sets the urgency; the priority follows."), apply=actions.urgency
    ),
    "category": Command(
        usage="#category network/vpn", help=say("Sets category and subcategory."), apply=actions.category
    ),
    "type": Command(
        usage="#type incident|request", help=say("Sets the type; old numbers stay valid."), apply=actions.ticket_type
    ),
    "tag": Command(
        usage="#tag vpn -printer",
        help=say("Adds tags, as many as you like, and takes away those with a minus."),
        apply=naming.tag,
    ),
    "set": Command(
        usage=say("#set NAME=VALUE"),
        help=say("Sets a field, the asset or the language of the mails; without a value, empties it."),
        apply=naming.set_field,
    ),
    "hold": Command(
        usage=say("#hold requester|vendor|approval [until DAY]"),
        help=say("Waits for them, until a day if you name one."),
        apply=actions.hold,
    ),
    "ack": Command(
        usage="#ack",
        help=say("You have seen it: no more reminders of its due times."),
        apply=promising.ack,
    ),
    # Who is on it
    "cc": Command(usage="#cc a@b", help=say("This person gets the answers from now on."), apply=watching.cc),
    "watch": Command(usage="#watch", help=say("You hear of the ticket from now on."), apply=watching.watch),
    "unwatch": Command(
        usage="#unwatch [a@b]",
        help=say("You hear no more of it, or that person gets no more answers, as by #cc -a@b."),
        apply=watching.unwatch,
    ),
    "requester": Command(usage="#requester a@b", help=say("The ticket is that person's."), apply=actions.requester),
    # What belongs together
    "merge": Command(usage="#merge INC-12", help=say("This ticket goes on in INC-12."), apply=actions.merge),
    "link": Command(
        usage="#link INC-9", help=say("Notes that the two have to do with each other."), apply=actions.link
    ),
    "escalate": Command(
        usage=say("#escalate [reason]"),
        help=say("Gives the ticket to the team of the next tier; you go on hearing of it."),
        apply=escalating.escalate,
    ),
    "handover": Command(usage=handover.USAGE, help=handover.HELP, apply=handover.hand_over_here),
    # What is said to whom
    NOTE: Command(
        usage="#note",
        help=say("What follows is for agents only; on the first line, the whole mail."),
        apply=actions.nothing,
    ),
    "use": Command(
        usage="#use vpn-reset",
        help=say("Puts a canned answer into your answer, where the line stands."),
        apply=canned.use,
    ),
    "preview": Command(
        usage="#preview vpn-reset", help=say("Shows you what that would say, and sends nothing."), apply=canned.preview
    ),
    UNDO: Command(
        usage="#undo",
        help=say("Takes your last mail on the ticket back, within minutes and as far as it has not left."),
        apply=undoing.undo,
    ),
    "send": Command(usage="#send", help=say("Sends your mail that was held."), apply=actions.send),
    "retry": Command(
        usage="#retry", help=say("The addresses on the ticket work again; sends what was held."), apply=actions.retry
    ),
    "files": Command(usage="#files", help=say("Sends you all files of the ticket."), apply=actions.files),
    "why": Command(
        usage="#why",
        help=say("Sends you who or what set the fields; to an admin, how the rules came to it."),
        apply=actions.ask_why,
    ),
    "rules": Command(
        usage="#rules stats",
        help=say("Sends an admin how often each rule hits and is corrected."),
        apply=actions.ask_stats,
    ),
    "help": Command(usage="#help", help=say("Sends you this list."), apply=actions.show_help),
}


def help_lines(policy: Policy | None = None) -> list[Phrase]:
    """The help reply: one line for each command, with the levels of the policy's own matrix."""
    return [say("{line}: {why}", line=_usage(name, policy), why=COMMANDS[name].help) for name in COMMANDS]


def _usage(name: str, policy: Policy | None) -> Phrase | str:
    if policy is not None and name in ("impact", "urgency"):
        levels = policy.matrix.impacts if name == "impact" else policy.matrix.urgencies
        return f"#{name} {'|'.join(levels)}"
    return COMMANDS[name].usage


def run_commands(work: Work, lines: Sequence[CommandLine]) -> Work | Refusal:
    """Carry out the commands in the order of the mail, or say why one of them is impossible now."""
    for line in lines:
        result = COMMANDS[line.name].apply(work, line.argument)
        if isinstance(result, Refusal):
            suggestion = result.suggestion or COMMANDS[line.name].usage
            if str(suggestion) == line.raw:
                # What was just refused would fit no better the next time.
                suggestion = ""
            return Refusal(why=say("{line}: {why}", line=shown(line.raw), why=result.why), suggestion=suggestion)
        work = result
    return work


def run_possible_commands(work: Work, lines: Sequence[CommandLine]) -> tuple[Work, list[Phrase]]:
    """Carry out what is possible of the commands; what is not is left out and named, with the reason."""
    left_out: list[Phrase] = []
    for line in lines:
        result = run_commands(work, [line])
        if isinstance(result, Refusal):
            left_out.append(result.why)
        else:
            work = result
    return work, left_out


def suggest_command(name: str, policy: Policy | None = None) -> Phrase | str:
    """The usage of the command that was probably meant, "" where none is near."""
    near = nearest(name, COMMANDS)
    return _usage(near.removeprefix("#"), policy) if near else ""
