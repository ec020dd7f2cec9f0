"""Records of checks become marked containers of the page; digests of figures become nothing."""

from types import SimpleNamespace

import numpy as np

from proofledger import Verifier
from proofledger._mystnb import CheckRenderer
from proofledger.figures import MIME as FIGURE_MIME
from proofledger.records import MIME

RECORD = Verifier().numeric(
    "thm-x", np.ones(3), np.ones(3) + 1e-13, tol=1e-9, mutants={"sign": -np.ones(3)}
)


def rendered(mime, content, metadata, inline=False):
    data = SimpleNamespace(mime_type=mime, content=content, output_metadata=metadata)
    return CheckRenderer.handle_mime(None, data, inline)


def test_a_check_becomes_one_marked_container():
    content, metadata = RECORD._repr_mimebundle_()
    (node,) = rendered(MIME, content[MIME], metadata)
    assert node["classes"] == ["rl-check", "rl-numeric"]
    assert node["check"]["label"] == "thm-x"
    assert node["check"]["measured"] == RECORD.measured
    assert (
        node.astext()
        == "✓ numeric thm-x: residual at most 1e-09 (3 cases, measured 1.0e-13) rejected: sign"
    )


def test_a_record_without_its_metadata_still_shows():
    (node,) = rendered(MIME, RECORD.stable(), {})
    assert node["check"]["seconds"] == 0.0


def test_figure_digests_are_hidden_and_other_types_left_to_others():
    assert rendered(FIGURE_MIME, {}, {}) == []
    assert rendered("text/plain", "x", {}) is None
    assert rendered(MIME, RECORD.stable(), {}, inline=True) is None
