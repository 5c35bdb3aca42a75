"""How good the shipped rules are: ``python -m tests.benchmarks.rules_quality [--rules FILE] [--csv FILE]``.

Prints, for each language and half of `tests/triage/tickets/`: share of tickets whose type is right, macro F1 of the
type, share whose topic is right, each for a plain keyword list, for the rules, and for a trained classifier (10-fold
cross-validation over all of them, each ticket guessed by models that never saw it; needs `pip install '.[bench]'`).
With a CSV of `text,topic` it prints topics by majority mapping: each category stands for the topic most frequent in it,
learned in one half and counted in the other, each way.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from gateway.defaults_files import default_file
from gateway.policy import Policy, load_policy
from gateway.ticket import Field
from gateway.triage.classify import classify
from gateway.triage.words import fold
from tests.triage.labelled import HALVES, LANGUAGES, Guess, Labelled, Score, guess_by_rules, judge, tickets_of

# What somebody writes down in half an hour: a line a topic, found as the beginning of a word; most hits win.
KEYWORDS = {
    "access": "access account password login locked permission zugriff zugang konto passwort kennwort rechte accès"
    " droits compte acceso permiso cuenta contraseña usuario acesso permissão conta senha usuário",
    "email": "mail outlook mailbox calendar e-mail postfach kalender verteiler messagerie boîte courriel agenda correo"
    " buzón calendario caixa calendário",
    "network": "network internet wifi wlan vpn netzwerk netz réseau connexion red conexión rede conexão",
    "hardware": "laptop computer monitor screen keyboard mouse notebook rechner bildschirm tastatur maus ordinateur"
    " écran clavier souris ordenador portátil pantalla teclado ratón computador tela",
    "printing": "print scan toner drucker drucken imprimante impression impresora imprimir impressora imprime",
    "software": "software program install excel word teams office programm logiciel installer programa instalar",
    "telephony": "phone telephone headset voicemail telefon handy téléphone teléfono móvil telefone celular ramal",
    "security": "virus phishing security suspicious stolen verdächtig gestohlen suspect volé sospechoso robado"
    " suspeito",
    "people": "joins starter leaver mitarbeiter austritt collaborateur arrivée départ empleado alta baja colaborador",
    "files": "file folder drive backup datei ordner laufwerk fichier dossier lecteur archivo carpeta disco arquivo"
    " pasta",
    "purchasing": "order purchase quote invoice bestellung angebot rechnung commande devis facture pedido presupuesto"
    " cotação",
    "meeting-rooms": "room projector conference beamer besprechungsraum salle projecteur sala proyector projetor",
    "business-apps": "sap erp crm report auswertung rapport informe relatório",
}
ASK_WORDS = (
    "please could would need request new want how bitte können könnten brauche benötige möchte neu wie merci pouvez"
    " pourriez besoin voudrais demande nouveau comment por favor podrían puede necesito solicito quisiera nuevo cómo"
    " favor podem preciso gostaria solicito novo como"
)


def guess_by_keywords(ticket: Labelled) -> Guess:
    """Guess as a keyword list does: one ask-word makes a request; the topic is that with most of its words in it."""
    words = fold(f"{ticket.subject} {ticket.text}")
    found = {topic: sum(_stands_in(word, words) for word in keywords.split()) for topic, keywords in KEYWORDS.items()}
    topic = max(found, key=lambda name: found[name])
    asked = any(fold(word) in words for word in ASK_WORDS.split())
    return "request" if asked else "incident", topic if found[topic] else "general"


def _stands_in(word: str, words: str) -> bool:
    return fold(word).rstrip() in words


def guess_by_classifier(texts: Sequence[str], labels: Sequence[str]) -> list[str]:
    """Guess each text's label by a linear classifier that was trained on the other nine tenths."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.model_selection import KFold, cross_val_predict
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.svm import LinearSVC

    features = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, strip_accents="unicode"),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, strip_accents="unicode"),
    )
    folds = KFold(10, shuffle=True, random_state=1)
    return [str(label) for label in cross_val_predict(make_pipeline(features, LinearSVC()), texts, labels, cv=folds)]


def by_majority(groups: Sequence[str], topics: Sequence[str]) -> float:
    """Share of tickets whose group's most frequent topic is theirs; learned in one half, counted in the other."""
    right = 0
    for start in (0, 1):
        seen: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for group, topic in zip(groups[start::2], topics[start::2], strict=True):
            seen[group][topic] += 1
        for group, topic in zip(groups[1 - start :: 2], topics[1 - start :: 2], strict=True):
            right += bool(seen[group]) and seen[group].most_common(1)[0][0] == topic
    return right / len(topics)


def print_quality(rules: Path) -> None:
    """Print the table of the project's own tickets."""
    tickets = [(language, ticket) for language in LANGUAGES for ticket in tickets_of(language)]
    texts = [f"{ticket.subject}\n{ticket.text}" for _, ticket in tickets]
    by_rules = guess_by_rules(load_policy(rules))
    types = guess_by_classifier(texts, [ticket.type for _, ticket in tickets])
    topics = guess_by_classifier(texts, [ticket.topic for _, ticket in tickets])
    guesses = {
        "keywords": [guess_by_keywords(ticket) for _, ticket in tickets],
        "rules": [by_rules(ticket) for _, ticket in tickets],
        "classifier": list(zip(types, topics, strict=True)),
    }
    table = Table(box=None, header_style="bold")
    table.add_column("% right")
    for title in (f"{what}, {who}" for what in ("type", "F1", "topic") for who in guesses):
        table.add_column(title, justify="right", max_width=10)
    for language in (*LANGUAGES, ""):
        for half in HALVES:
            rows = [n for n, (of, one) in enumerate(tickets) if language in ("", of) and one.half == half]
            chosen = [tickets[row][1] for row in rows]
            scores = [judge(chosen, [guessed[row] for row in rows]) for guessed in guesses.values()]
            table.add_row(f"{language or 'all'} {half}", *_cells(scores))
    Console(width=140).print(table)


def _cells(scores: Sequence[Score]) -> list[str]:
    rows = ("type_accuracy", "macro_f1", "topic_accuracy")
    return [f"{100 * float(getattr(score, row)):.0f}" for row in rows for score in scores]


def print_topics(rules: Path, file: Path) -> None:
    """Print topics by majority mapping for tickets of other people."""
    with file.open(encoding="utf-8", newline="") as stream:
        rows = [(row["text"], row["topic"]) for row in csv.DictReader(stream)]
    topics = [topic for _, topic in rows]
    tickets = [Labelled(half="held", type="", topic=topic, subject="", text=text) for text, topic in rows]
    policy = load_policy(rules)
    shares = {
        "always the most frequent": Counter(topics).most_common(1)[0][1] / len(topics),
        "keywords": by_majority([guess_by_keywords(ticket)[1] for ticket in tickets], topics),
        "rules": by_majority([group_by_rules(ticket, policy) for ticket in tickets], topics),
        "classifier": sum(map(str.__eq__, guess_by_classifier([text for text, _ in rows], topics), topics))
        / len(topics),
    }
    print(f"{len(rows)} tickets of {file.name}, topic right:")
    for name, share in shares.items():
        print(f"  {name:25} {100 * share:.1f} %")


def group_by_rules(ticket: Labelled, policy: Policy) -> str:
    """The finest group that the rules make: category and subcategory."""
    result = classify(ticket.as_mail(), policy=policy)
    return f"{result.get(Field.CATEGORY)}/{result.get(Field.SUBCATEGORY)}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.rules_quality", description=__doc__)
    parser.add_argument("--rules", type=Path, default=default_file("rules.toml"), help="default: the shipped ones")
    parser.add_argument("--csv", type=Path, help="tickets of other people, with the columns text and topic")
    options = parser.parse_args()
    print_quality(options.rules)
    if options.csv:
        print_topics(options.rules, options.csv)


if __name__ == "__main__":
    main()
