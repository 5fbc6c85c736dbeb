"""Reading pages back."""

import html.parser


class Page(html.parser.HTMLParser):
    """Ids, links, image sources and table rows of a page."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.images, self.alts, self.rows, self.marks, self.open = (
            [],
            [],
            [],
            [],
            [],
            [],
            [],
        )
        self.heads, self._in = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        self._in = tag
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)
        if "id" in a:
            self.ids.append(a["id"])
        if tag == "a":
            self.links.append(a["href"])
        if tag == "img":
            self.images.append(a["src"])
            self.alts.append(a["alt"])
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.marks.append(a.get("class", ""))
        if tag == "h2":
            self.heads.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if any(t in self.open for t in ("td", "th")):
            self.rows[-1][-1] += data
        if self.open and self.open[-1] == "h2":
            self.heads[-1] += data
