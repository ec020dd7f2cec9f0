"""Shows check records in the built book, and hides figure digests (entry point of myst-nb,
group ``mime_renderers``).

Each check becomes a ``container`` node with class ``rl-check`` that carries its record in the
attribute ``check``; the ledger extension of the book collects these nodes.
"""

from typing import ClassVar

from docutils import nodes
from myst_nb.core.render import MimeData, MimeRenderPlugin, NbElementRenderer

from proofledger.figures import MIME as FIGURE_MIME
from proofledger.records import MIME


class CheckRenderer(MimeRenderPlugin):
    """Renders `MIME` as one line; `FIGURE_MIME` as nothing."""

    mime_priority_overrides: ClassVar = [("*", MIME, 1)]

    @staticmethod
    def handle_mime(
        _renderer: NbElementRenderer, data: MimeData, inline: bool
    ) -> list[nodes.Element] | None:
        if data.mime_type == FIGURE_MIME:
            return []
        if data.mime_type != MIME or inline:
            return None
        measured = data.output_metadata.get(MIME, data.output_metadata)
        record = {"part": "", "measured": "", "seconds": 0.0, **data.content}
        record |= {name: measured[name] for name in ("measured", "seconds") if name in measured}
        part = f" ({record['part']})" if record["part"] else ""
        cases = f"{record['cases']} cases, " if record["cases"] > 1 else ""
        words = {
            "rl-kind": f"✓ {record['kind']}",
            "rl-claim": f" {record['label']}{part}: {record['claim']}",
            "rl-measured": f" ({cases}measured {record['measured']})",
        }
        if record["mutants"]:
            words["rl-mutants"] = f" rejected: {', '.join(record['mutants'])}"
        parts = [nodes.inline("", text, classes=[name]) for name, text in words.items()]
        line = nodes.paragraph("", "", *parts)
        classes = ["rl-check", f"rl-{record['kind']}"]
        return [nodes.container("", line, classes=classes, check=record, is_div=True)]
