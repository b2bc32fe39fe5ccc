"""Tree of the folders and images below a folder, each image with its prediction."""

from collections.abc import Iterable
from pathlib import Path

from rich.style import Style
from rich.text import Text
from textual.widgets import DirectoryTree
from textual.widgets.directory_tree import DirEntry
from textual.widgets.tree import TreeNode

from mnist_tui.inspection.pictures import is_picture
from mnist_tui.render.text import sanitize
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.shared.paint import paint, palette_of


class FileTree(DirectoryTree, inherit_bindings=False):
    """A tree without hidden files and other kinds of files."""

    BINDINGS = bindings("files")
    ICON_NODE, ICON_NODE_EXPANDED, ICON_FILE = "▸ ", "▾ ", ""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, id="files")
        self.results: dict[Path, tuple[str, bool]] = {}
        """Files that are predicted: the classes, and True if something is doubtful."""
        self.guide_depth = 2

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        return [path for path in paths if not path.name.startswith(".") and (is_picture(path) or path.is_dir())]

    def render_label(self, node: TreeNode[DirEntry], base_style: Style, style: Style) -> Text:
        label = super().render_label(node, base_style, style)
        label.plain = sanitize(label.plain)
        if node.data is not None and node.data.path in self.results:
            words, is_doubtful = self.results[node.data.path]
            colours = palette_of(self)
            label.append(f"  {words}", paint(colours.wrong if is_doubtful else colours.accent, bold=True))
        return label

    def mark(self, path: Path, words: str, *, is_doubtful: bool) -> None:
        """Show the prediction of a file beside its name."""
        self.results[path] = sanitize(words), is_doubtful
        self.refresh_results()

    def refresh_results(self) -> None:
        """Draw all labels again."""
        self._clear_line_cache()
        self.refresh()
