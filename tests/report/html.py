"""An HTML page taken apart: tables, elements, texts."""

from html.parser import HTMLParser

EMPTY = {"meta", "img", "br", "wbr", "path", "line", "circle"}
LOADS = {"src", "href", "srcset", "data", "poster", "action", "xlink:href"}


class Page(HTMLParser):
    """A parsed page.

    Attributes:
        html: The source.
        elements: Tag and attributes of each element.
        tables: Caption -> rows of cell texts.
        open: Tags that are not closed.
    """

    def __init__(self, path):
        super().__init__()
        self.html = path.read_text(encoding="utf-8")
        self.elements, self.open, self.tables = [], [], {}
        self.texts, self.own, self.words = [], [], []
        self.rows, self.caption = [], ""
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)
            self.own.append([])
            self.texts.append((tag, self.own[-1]))
        if tag == "table":
            self.rows, self.caption = [], ""
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        if tag in self.open:
            assert self.open.pop() == tag, f"{tag} ends within another element"
            self.own.pop()
        if tag == "table":
            self.tables[" ".join(self.caption.split())] = [
                [_plain(cell) for cell in row] for row in self.rows
            ]

    def handle_data(self, data):
        if self.own:
            self.own[-1].append(data)
        if "style" in self.open or "title" in self.open:
            return
        self.words.append(data)
        if "caption" in self.open:
            self.caption += data
        elif {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data

    @property
    def text(self):
        """Everything a reader reads."""
        return _plain("".join(self.words))

    def all(self, tag):
        """Attributes of the elements of a tag."""
        return [attributes for name, attributes in self.elements if name == tag]

    def texts_of(self, tag):
        """Own texts of the elements of a tag."""
        return [_plain("".join(words)) for name, words in self.texts if name == tag]

    def table(self, start):
        """Rows below the head of the table whose caption starts so."""
        (rows,) = [r for c, r in self.tables.items() if c.startswith(start)]
        return rows[1:]

    def loaded(self):
        """Values of attributes that could load something."""
        return [
            value
            for _, attributes in self.elements
            for name, value in attributes.items()
            if name in LOADS
        ]

    def check_self_contained(self):
        """Assert that the page loads nothing, and forbids loading."""
        links = self.loaded()
        assert all(link.startswith(("#", "data:image/")) for link in links)
        tags = {tag for tag, _ in self.elements}
        assert not {"script", "link", "iframe", "object"} & tags
        assert "@import" not in self.html
        assert "url(http" not in self.html
        policy = [meta["content"] for meta in self.all("meta") if "http-equiv" in meta]
        assert policy == [
            "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
        ]

    def check_accessible(self):
        """Assert what a reader with a screen reader or a keyboard needs."""
        assert self.open == []
        assert self.all("html") == [{"lang": "en"}]
        ids = [attrs["id"] for _, attrs in self.elements if "id" in attrs]
        assert len(ids) == len(set(ids))
        targets = {link["href"].removeprefix("#") for link in self.all("a")}
        assert targets <= set(ids)
        assert all(image["alt"] for image in self.all("img"))
        assert len(self.all("caption")) == len(self.all("table"))
        assert all(th["scope"] for th in self.all("th"))
        for _, attributes in self.elements:
            if attributes.get("role") == "region":
                assert attributes["tabindex"] == "0"
                label = attributes.get("aria-labelledby")
                assert attributes.get("aria-label") or label in ids
            if attributes.get("role") == "img":
                assert attributes["aria-label"]


def _plain(text):
    return " ".join(text.replace("\xa0", " ").split())
