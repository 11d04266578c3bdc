"""Wrong versions of the founding series: its mails, with the diff of one patch replaced. Format: README.md."""
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
HOME = HERE.parents[1]
PARTS = HOME / "jobs" / "kmap-local-page"
COMMENTS = HERE / "comments"
ALONE = """From: Kiln developers <kiln@localhost>
Date: Tue, 24 Nov 2026 23:00:00 +0000
Subject: [PATCH] A seeded bug

Signed-off-by: Kiln developers <kiln@localhost>
---
"""
FIELDS = {"Replaces", "What", "Unseen", "Slow"}


class Bug:
    """One mistake: `number` is the patch that has it (0 = it is the whole series), `diff` that patch's changes."""

    def __init__(self, path):
        self.name = path.stem
        head, _, self.diff = path.read_text().partition("\n\n")
        fields = dict(line.split(": ", 1) for line in head.splitlines())
        if not {"Replaces", "What"} <= fields.keys() <= FIELDS or not self.diff.startswith("diff --git "):
            raise ValueError(f"{path}: not a seeded bug")
        self.number = 0 if fields["Replaces"] == "all" else int(fields["Replaces"])
        self.what = fields["What"]
        self.unseen = fields.get("Unseen", "")
        self.slow = "Slow" in fields

    def write_series(self, folder):
        """The wrong series as a folder of mails; returns it."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.number == 0:
            (folder / "0001.patch").write_text(ALONE + self.diff)
            return folder
        for mail in sorted((PARTS / "series").glob("*.patch")):
            text = mail.read_text()
            if mail.name.startswith(f"{self.number:04}-"):
                text = text[: text.index("\n---\n") + 5] + self.diff + "-- \n2.40.0\n"
            (folder / mail.name).write_text(text)
        return folder


def bugs():
    """All of them, by name."""
    return {path.stem: Bug(path) for path in sorted((HERE / "bugs").glob("*.patch"))}
