"""What is read is what was checked: displays of statements against their transcriptions."""

import pytest
import transcribed_01_05  # noqa: F401
from transcription import TRANSCRIBED, all_displays, assert_lines, fingerprint

DISPLAYS = all_displays()


@pytest.mark.parametrize("key", TRANSCRIBED, ids=lambda key: f"{key[0]}-{key[1]}")
def test_a_display_says_what_the_package_computes(key):
    text, lines = TRANSCRIBED[key]
    assert key in DISPLAYS, f"{key}: no such display"
    now = fingerprint(DISPLAYS[key])
    assert now == text, f"{key} changed; transcribe it again, text={now!r}:\n{DISPLAYS[key]}"
    assert_lines(lines())
