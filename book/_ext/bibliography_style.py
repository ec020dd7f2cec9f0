"""Labels of the bibliography that read like the citations in the text: ``[Cen et al., 2022]``."""

from collections import Counter
from string import ascii_lowercase

from pybtex.plugin import register_plugin
from pybtex.style.formatting.plain import Style
from pybtex.style.labels import BaseLabelStyle


def label(entry):
    """Last names (two at most, else the first and "et al.") and year."""
    names = [
        " ".join([*person.prelast_names, *person.last_names]) for person in entry.persons["author"]
    ]
    who = names[0] + " et al." if len(names) > 2 else " and ".join(names)
    return f"{who}, {entry.fields['year']}".replace("{", "").replace("}", "")


class AuthorYearLabels(BaseLabelStyle):
    """Author and year, with letters where two works would share a label."""

    def format_labels(self, entries):
        labels = [label(entry) for entry in entries]
        shared, seen = Counter(labels), Counter()
        for text in labels:
            letter = ascii_lowercase[seen[text]] if shared[text] > 1 else ""
            seen[text] += 1
            yield text + letter


class AuthorYear(Style):
    """pybtex's plain style with labels of author and year."""

    default_label_style = AuthorYearLabels


def plain_entries(app, pagename, templatename, context, doctree):
    """docutils calls the bibliography a list whose entries are no list items:
    leave both roles out."""
    if context.get("body"):
        for role in (' role="list"', ' role="doc-biblioentry"'):
            context["body"] = context["body"].replace(role, "")


def setup(app):
    register_plugin("pybtex.style.formatting", "author_year", AuthorYear)
    app.connect("html-page-context", plain_entries)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
