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
        record = dict(data.content)
        measured = data.output_metadata.get(MIME, data.output_metadata)
        part = f" ({record['part']})" if record.get("part") else ""
        record.setdefault("part", "")
        record["measured"] = measured.get("measured", "")
        record["seconds"] = measured.get("seconds", 0.0)
        line = nodes.container(
            classes=["rl-check", f"rl-{record['kind']}"], check=record, is_div=True
        )
        text = nodes.paragraph()
        text += nodes.inline("", f"✓ {record['kind']}", classes=["rl-kind"])
        text += nodes.inline(
            "", f" {record['label']}{part}: {record['claim']}", classes=["rl-claim"]
        )
        cases = f"{record['cases']} cases, " if record["cases"] > 1 else ""
        text += nodes.inline(
            "", f" ({cases}measured {record['measured']})", classes=["rl-measured"]
        )
        if record["mutants"]:
            text += nodes.inline(
                "", f" rejected: {', '.join(record['mutants'])}", classes=["rl-mutants"]
            )
        line += text
        return [line]
