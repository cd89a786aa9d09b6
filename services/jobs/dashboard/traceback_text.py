"""A traceback as it was kept, cut into what one reads: our own frames stand out, those of libraries are
folded. Everything that is no frame stays as it is, so nothing that was printed is lost."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_FRAME = re.compile(r'^[\s|+]*File "(?P<file>[^"\n]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?$')
_FOREIGN = ("site-packages/", "dist-packages/", "/lib/python", "<frozen ")


@dataclass(frozen=True, slots=True)
class Frame:
    """One call: `file` is shortened to what is ours or to the package."""

    file: str
    line: int
    function: str
    ours: bool
    code: tuple[str, ...]

    @property
    def package(self) -> str:
        """Whose code it is: `asyncpg`, `python3.13`."""
        return self.file.split("/", 1)[0].removesuffix(".py")


@dataclass(slots=True)
class Passage:
    """Either frames of the same kind in a row, or text between them."""

    kind: str  # `ours`, `foreign`, `text`
    frames: list[Frame] = field(default_factory=list)
    text: str = ""


def passages(traceback: str) -> list[Passage]:
    """The traceback in the order it was printed."""
    found: list[Passage] = []
    lines = traceback.splitlines()
    place = 0
    while place < len(lines):
        match = _FRAME.match(lines[place])
        place += 1
        if match is None:
            _add_text(found, lines[place - 1])
            continue
        indent = len(lines[place - 1]) - len(lines[place - 1].lstrip(" |+"))
        code = []
        while place < len(lines) and _belongs(lines[place], indent):
            code.append(lines[place])
            place += 1
        _add_frame(found, _frame(match, code))
    return found


def is_ours(file: str) -> bool:
    """Whether a frame's file is of this project rather than of Python or a package."""
    return not any(mark in file for mark in _FOREIGN)


def _belongs(line: str, indent: int) -> bool:
    """Source and carets are indented deeper than their frame."""
    bare = line.lstrip(" |+")
    return bool(bare) and len(line) - len(bare) > indent and _FRAME.match(line) is None


def _frame(match: re.Match[str], code: list[str]) -> Frame:
    file = match["file"]
    return Frame(
        _shown(file), int(match["line"]), match["function"] or "", is_ours(file), tuple(_dedent(code))
    )


def _dedent(lines: list[str]) -> list[str]:
    depth = min((len(line) - len(line.lstrip(" |")) for line in lines), default=0)
    return [line[depth:] for line in lines]


def _shown(file: str) -> str:
    for mark in ("site-packages/", "dist-packages/"):
        if mark in file:
            return file.rpartition(mark)[2]
    for mark in ("/services/", "/tests/", "/ops/"):
        if mark in file:
            return mark[1:] + file.rpartition(mark)[2]
    return re.sub(r"^.*/lib/(python\d)", r"\1", file)


def _add_text(found: list[Passage], line: str) -> None:
    if found and found[-1].kind == "text":
        found[-1].text += "\n" + line
    else:
        found.append(Passage("text", text=line))


def _add_frame(found: list[Passage], frame: Frame) -> None:
    kind = "ours" if frame.ours else "foreign"
    if not found or found[-1].kind != kind:
        found.append(Passage(kind))
    found[-1].frames.append(frame)
