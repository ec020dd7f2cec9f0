"""Names for the arrows that unfold a part of the sidebar: the theme gives them a picture only."""


def name_arrows(app, pagename, templatename, context, doctree):
    """Let the theme's own function make the list of pages,
    and name what it leaves without a name."""
    toctree = context.get("generate_toctree_html")
    if toctree is None:
        return

    def named(*args, **kwargs):
        return str(toctree(*args, **kwargs)).replace(
            "<summary>", '<summary aria-label="Pages below">'
        )

    context["generate_toctree_html"] = named


def setup(app):
    # after the theme has put its functions there
    app.connect("html-page-context", name_arrows, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
