"""Check the proofs of ``proofs/`` and store what they say: ``python tools/certify_proofs.py``.

Every file is compiled by Rocq, its independent checker ``coqchk`` runs over all of them, and Rocq
names the axioms that each theorem rests on. The result is stored in ``proofs/certified.json``:
``{label: [{part, theorem, file, line, statement, definitions, covers, words, scope,
assumptions}]}``
Nothing is stored unless all of that succeeds and no axiom but those of the real numbers is used.

A comment right above a theorem names the label of the book that it serves (``Label:``), what of
the labelled statement it covers (``Covers:``, and ``Part:`` where the book names parts), the
statement in words (``Words:``), and what is narrower or wider than in the book (``Narrower:``,
``Wider:``).
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "proofs"
BUILD = ROOT / "_build" / "proofs"
STORED = SOURCES / "certified.json"
LIBRARY = "Proofs"

# What the classical real numbers of the standard library rest on, and nothing else.
AXIOMS = {
    "Classical_Prop.classic",
    "ClassicalDedekindReals.sig_forall_dec",
    "ClassicalDedekindReals.sig_not_dec",
    "FunctionalExtensionality.functional_extensionality_dep",
}

# Words of Rocq by which a file could claim what it does not prove.
FORBIDDEN = re.compile(
    r"\b(Admitted|admit|give_up|Abort|Axioms?|Parameters?|Conjectures?|Hypothes[ie]s|Variables?"
    r"|Context|Section|Module|Declare|Unset|Primitive|bypass_check|type_in_type|Redirect|Load"
    r"|Instance|Canonical|Coercion|Program|Obligation)\b|-type-in-type|-impredicative-set"
)
STATED = re.compile(r"^(Theorem|Lemma)\s+(\w+)\s*:(.*?)\.\s*^Proof\.", re.MULTILINE | re.DOTALL)
DEFINED = (
    re.compile(r"^(?:Definition|Fixpoint|Record)\s+(\w+).*?\.(?=\s*$)", re.MULTILINE | re.DOTALL),
    re.compile(r'^Notation "(\S)[^"]*".*?\.(?=\s*$)', re.MULTILINE | re.DOTALL),
)
FIELD = re.compile(r"^\s*(Label|Part|Covers|Words|Narrower|Wider):", re.MULTILINE)
WORD = re.compile(r"[^\W\d]\w*'*|∑")

UNLABELLED = "none yet"


class ProofFault(Exception):
    """A file that does not compile, claims too much, or rests on an axiom that is not allowed."""


def prover():
    """The paths of ``coqc`` and ``coqchk``, or None where Rocq is missing."""
    found = [shutil.which(name) for name in ("coqc", "coqchk")]
    return found if all(found) else None


def files(folder=SOURCES):
    """The files of the project, in the order in which they are compiled."""
    lines = (folder / "_CoqProject").read_text(encoding="utf-8").split()
    return [folder / name for name in lines if name.endswith(".v")]


def one_line(text):
    """Text with each run of white space made one space."""
    return " ".join(text.split())


def without_comments(text):
    """Source without comments, which nest, and with its line breaks."""
    kept = []
    depth = 0
    for piece in re.split(r"(\(\*|\*\))", text):
        if piece == "(*":
            depth += 1
        elif piece == "*)" and depth:
            depth -= 1
        else:
            kept.append(re.sub(r"[^\n]", " ", piece) if depth else piece)
    if depth:
        raise ProofFault("a comment is not closed")
    return "".join(kept)


def faults(path):
    """Words in a file, outside comments, by which it could claim what it does not prove."""
    source = without_comments(path.read_text(encoding="utf-8"))
    return [
        f"{path.name}, line {source.count(chr(10), 0, found.start()) + 1}: {found[0]}"
        for found in FORBIDDEN.finditer(source)
    ]


def fields(comment):
    """{field: text} of the comment above a theorem; {} if it names no label."""
    parts = FIELD.split(comment)
    names = parts[1::2]
    texts = [one_line(text).rstrip(".") for text in parts[2::2]]
    if "Label" not in names:
        return {}
    if len(set(names)) != len(names):
        raise ProofFault(f"a field occurs twice in the comment: {one_line(comment)}")
    return dict(zip(names, texts, strict=True))


def definitions(sources):
    """{name: text} of all that is defined in the files, notations under their symbol."""
    found = {}
    for source in sources:
        bare = without_comments(source)
        found |= {m[1]: one_line(m[0]) for rule in DEFINED for m in rule.finditer(bare)}
    return found


def needed(statement, known):
    """{name: text} of the definitions that a statement uses, directly or not, in order of name."""
    used = {}
    waiting = [statement]
    while waiting:
        for name in WORD.findall(waiting.pop()):
            if name in known and name not in used:
                used[name] = known[name]
                waiting.append(known[name])
    return dict(sorted(used.items()))


def served(path, text):
    """[(match of a theorem, fields of the comment above it)] of a file, those with a label."""
    found = []
    for match in STATED.finditer(text):
        above = text[: match.start()].rstrip()
        comment = above[above.rfind("(**") + 3 : -2] if above.endswith("*)") else ""
        said = fields(comment)
        if not said:
            continue
        if not {"Covers", "Words"} <= set(said) or not {"Narrower", "Wider"} & set(said):
            raise ProofFault(f"{path.name}: {match[2]} does not say what it covers and how far")
        found.append((match, said))
    if len(found) != len(re.findall(r"\bLabel:", text)):
        raise ProofFault(f"{path.name}: a comment names a label, but no theorem follows it")
    return found


def theorems(folder=SOURCES):
    """Each theorem that serves a label, as its file states it, with it; no prover is needed."""
    texts = {path: path.read_text(encoding="utf-8") for path in files(folder)}
    known = definitions(texts.values())
    return [
        stated(path, text, match, said, known) | {"label": label}
        for path, text in texts.items()
        for match, said in served(path, text)
        for label in said["Label"].split(", ")
    ]


def stated(path, text, match, said, known):
    """What is stored of one theorem of a file."""
    statement = one_line(without_comments(match[3]))
    scope = [f"{name.lower()}: {said[name]}" for name in ("Narrower", "Wider") if name in said]
    return {
        "part": said.get("Part", ""),
        "theorem": match[2],
        "file": f"{path.parent.name}/{path.name}",
        "line": text.count("\n", 0, match.start()) + 1,
        "statement": statement,
        "definitions": needed(statement, known),
        "covers": said["Covers"],
        "words": said["Words"],
        "scope": "; ".join(scope),
    }


def qualified(item):
    """The name by which Rocq knows one of `theorems`: ``Entropy.covariance_identity``."""
    return f"{Path(item['file']).stem}.{item['theorem']}"


def run(command, folder, seconds=600):
    """The output of a command of the prover; its failure is a ProofFault with what it said."""
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as late:
        raise ProofFault(f"{' '.join(command)}: not done after {seconds} s") from late
    if done.returncode:
        raise ProofFault(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def build(folder=SOURCES, target=BUILD):
    """Compile every file in a copy of the folder; the copy, where the compiled files are."""
    coqc, _ = prover()
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in files(folder):
        shutil.copy(path, target)
        run([coqc, "-q", "-R", ".", LIBRARY, path.name], target)
    return target


def is_built(folder=SOURCES, target=BUILD):
    """True if the copy holds each file of the folder as it is, compiled."""
    return all(
        (target / f"{path.stem}.vo").is_file()
        and (target / path.name).is_file()
        and (target / path.name).read_bytes() == path.read_bytes()
        for path in files(folder)
    )


def recheck(target, folder=SOURCES):
    """Let ``coqchk`` check the compiled files anew; the axioms that it finds in all they load."""
    _, coqchk = prover()
    modules = [f"{LIBRARY}.{path.stem}" for path in files(folder)]
    said = run([coqchk, "-silent", "-o", "-R", ".", LIBRARY, *modules], target, seconds=1800)
    sections = dict(re.findall(r"^\* ([^\n]*?):(.*?)(?=^\* |\Z)", said, re.MULTILINE | re.DOTALL))
    switched_off = {
        name: one_line(text)
        for name, text in sections.items()
        if name not in ("Theory", "Axioms") and one_line(text) != "<none>"
    }
    if switched_off or "Axioms" not in sections:
        raise ProofFault(f"coqchk: {switched_off or said}")
    return sorted(sections["Axioms"].split())


def assumptions(names, target):
    """{theorem: sorted axioms} as Rocq prints them, for theorems named ``File.theorem``."""
    coqc, _ = prover()
    lines = [f"From {LIBRARY} Require {' '.join(sorted({name.split('.')[0] for name in names}))}."]
    lines += [f'Redirect "{name}" Print Assumptions {LIBRARY}.{name}.' for name in names]
    (target / "Audit.v").write_text("\n".join(lines) + "\n", encoding="utf-8")
    run([coqc, "-q", "-R", ".", LIBRARY, "Audit.v"], target)
    found = {}
    for name in names:
        printed = (target / f"{name}.out").read_text(encoding="utf-8")
        if printed.strip() == "Closed under the global context":
            found[name] = []
        else:
            found[name] = sorted(re.findall(r"^([\w.]+)\s*:", printed, re.MULTILINE)[1:])
    return found


def proofs(folder=SOURCES, target=BUILD, report=lambda _: None):
    """Compile, check and audit every proof: ``{label: [{theorem, file, line, statement, …}]}``.

    Raises ProofFault when a file does not compile, uses a forbidden word, does not pass ``coqchk``,
    or when a theorem rests on anything but the axioms of the real numbers.
    """
    if prover() is None:
        raise ProofFault("coqc and coqchk are missing; on Debian: apt-get install coq")
    said_too_much = [fault for path in files(folder) for fault in faults(path)]
    if said_too_much:
        raise ProofFault("\n".join(said_too_much))
    found = theorems(folder)
    clock = time.perf_counter()
    build(folder, target)
    report(f"{len(files(folder))} files compiled in {time.perf_counter() - clock:.0f} s")
    clock = time.perf_counter()
    loaded = recheck(target, folder)
    report(f"coqchk: checked anew in {time.perf_counter() - clock:.0f} s, {len(loaded)} axioms")
    if foreign := [axiom for axiom in loaded if ".".join(axiom.split(".")[-2:]) not in AXIOMS]:
        raise ProofFault(f"axioms that are not those of the real numbers: {foreign}")
    rests_on = assumptions(sorted(set(map(qualified, found))), target)
    foreign = {name: axioms for name, axioms in rests_on.items() if set(axioms) - AXIOMS}
    if foreign:
        raise ProofFault(f"axioms that are not those of the real numbers: {foreign}")
    result = {}
    for item in found:
        entries = result.setdefault(item.pop("label"), [])
        entries.append(item | {"assumptions": rests_on[qualified(item)]})
    return result


def stored(path=STORED):
    """What was certified last."""
    return json.loads(path.read_text(encoding="utf-8"))


def main():
    try:
        result = proofs(report=print)
    except ProofFault as fault:
        print(f"error: {fault}", file=sys.stderr)
        return 1
    text = json.dumps(dict(sorted(result.items())), ensure_ascii=False, indent=1) + "\n"
    STORED.write_text(text, encoding="utf-8")
    for label, entries in sorted(result.items()):
        print(f"{label}: {', '.join(entry['theorem'] for entry in entries)}")
    print(f"{sum(map(len, result.values()))} theorems stored in {os.path.relpath(STORED, ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
