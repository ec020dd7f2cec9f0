"""What is read is what was checked: displays of statements against their transcriptions."""

import json

import pytest
import transcribed_01_05  # noqa: F401
import transcribed_06_10  # noqa: F401
import transcribed_11_17  # noqa: F401
import transcribed_14_15  # noqa: F401
import transcribed_16  # noqa: F401
import transcribed_18  # noqa: F401
from transcription import STORE, TRANSCRIBED, all_displays, assert_lines, fingerprint, store

DISPLAYS = all_displays()


@pytest.mark.parametrize("key", TRANSCRIBED, ids=lambda key: f"{key[0]}-{key[1]}")
def test_a_display_says_what_the_package_computes(key):
    text, lines = TRANSCRIBED[key]
    assert key in DISPLAYS, f"{key}: no such display"
    now = fingerprint(DISPLAYS[key])
    assert now == text, f"{key} changed; transcribe it again, text={now!r}:\n{DISPLAYS[key]}"
    assert_lines(lines())


def test_every_display_of_a_statement_is_transcribed():
    assert not set(DISPLAYS) - set(TRANSCRIBED)


def test_the_ledger_knows_which():
    stored = json.loads(STORE.read_text(encoding="utf-8"))
    assert stored == store(), "run: python tests/book/transcription.py"


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([(1.0, "=", 1.02)], "Not equal"),
        ([(0.0, "=", 0.0)], "nothing is compared"),
        ([(1.0, "<=", 0.99)], "1.0 > 0.99"),
        ([], "no line"),
    ],
)
def test_a_wrong_or_empty_transcription_is_refused(lines, why):
    with pytest.raises(AssertionError, match=why):
        assert_lines(lines)
