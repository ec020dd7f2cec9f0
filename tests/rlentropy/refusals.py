"""Refusals with words of their own; what is refused everywhere alike is for `test_fuzz`."""

import pytest


def refusals(*cases):
    """The test that each call, of pairs (call, words), raises a ValueError that says these words."""

    @pytest.mark.parametrize(("call", "words"), cases, ids=range(len(cases)))
    def test(call, words):
        with pytest.raises(ValueError, match=words):
            call()

    return test
