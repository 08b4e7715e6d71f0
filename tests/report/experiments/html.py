"""A page taken apart: its tables, its elements, its text."""

from html.parser import HTMLParser

EMPTY = {"meta", "img", "br", "wbr", "path", "line", "circle"}


class Page(HTMLParser):
    """What a browser would see of a page.

    ``tables`` maps captions to rows of cells' texts; ``elements`` are tags with their
    attributes; ``text`` is what a reader reads; ``ids`` are in order.
    """

    def __init__(self, path):
        super().__init__()
        self.html = path.read_text(encoding="utf-8")
        self.elements, self.open, self.tables = [], [], {}
        self.words, self.rows, self.caption = [], [], ""
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)
        if tag == "table":
            self.rows, self.caption = [], ""
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        if tag in self.open:
            assert self.open.pop() == tag, f"{tag} ends within another element"
        if tag == "table":
            self.tables[" ".join(self.caption.split())] = [
                [" ".join(cell.replace("\xa0", " ").split()) for cell in row]
                for row in self.rows
            ]

    def handle_data(self, data):
        if "style" in self.open or "title" in self.open:
            return
        self.words.append(data)
        if "caption" in self.open:
            self.caption += data
        elif {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data

    @property
    def text(self):
        return " ".join("".join(self.words).replace("\xa0", " ").split())

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def table(self, start):
        """Rows below the head of the table whose caption begins so."""
        (rows,) = [r for c, r in self.tables.items() if c.startswith(start)]
        return rows[1:]
