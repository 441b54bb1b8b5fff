"""Links from a page to a file outside of docs/ lead to the repository, where a reader of the site finds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform


class OutsideLinks(SphinxTransform):
    """Turn MyST's references to files that the site does not have into links to the repository."""

    default_priority = 5  # before Sphinx resolves references and collects downloads

    def apply(self, **_: Any) -> None:
        """Rewrite every such reference of one page."""
        docs = Path(self.app.srcdir).resolve()
        folder = Path(self.env.doc2path(self.env.docname)).resolve().parent
        base = self.config.html_theme_options["source_repository"].rstrip("/")
        for node in list(self.document.findall(_refers)):
            target = (folder / str(node.get("reftarget", "")).partition("#")[0]).resolve()
            if target.exists() and docs not in (target, *target.parents):
                kind = "tree" if target.is_dir() else "blob"
                path = target.relative_to(docs.parent).as_posix()
                link = nodes.reference("", "", refuri=f"{base}/{kind}/main/{path}")
                link += node.children
                node.replace_self(link)


def _refers(node: nodes.Node) -> bool:
    return isinstance(node, addnodes.pending_xref | addnodes.download_reference)


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls this."""
    app.add_transform(OutsideLinks)
    return {"parallel_read_safe": True}
