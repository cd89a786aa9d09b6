"""`python -m ops.code_rules`: what our code may not say, each rule with its reason. In `make check`.

ruff's S rules, which are bandit's, look for what is dangerous in any program; these look for what is in this
one, and for what those are told to overlook in places (`per-file-ignores`). A line is exempt when it ends in
`# rule: NAME, because ...`; a file where the rule's own table says so.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent

Finder = Callable[[ast.AST], Iterator[ast.AST]]

_SECRET = re.compile(
    r"(^|_)(secret|passphrase|password|signature|csrf|token|api_key|admin_key|hmac)(_hash|_digest)?$"
)
_EXEMPT = re.compile(r"# rule: ([a-z-]+), because \S")
# What a caller sent, by the names it has in endpoints.
_SENT = {"query_params", "headers", "cookies", "query", "body", "url"}
_SENDERS = {"request", "call", "given"}
# These make of any text an address of our own.
_TAMED_BY = {"local_path", "login_address", "quote", "after", "urlencode", "path_of"}
_HTTP_CALLS = {"AsyncClient", "Client", "get", "post", "put", "patch", "delete", "request", "stream"}
_FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "telnetlib", "ftplib"}
_FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "yaml.load"}
_SQL_CALLS = re.compile(r"^(execute|executemany|fetch|fetchrow|fetchval|fetch_(all|one|val)|iterate)$")
_UNSAFE_TEMPLATE = re.compile(
    r"(?P<inline><script(?![^>]*\bsrc=)(?![^>]*application/(ld\+)?json)|<style\b|\son[a-z]+=[\"']|\sstyle=[\"']|javascript:)"
    r"|(?P<safe>\bautoescape\s+false|(?<!')\|\s*safe\b)"
)


@dataclass(frozen=True)
class Rule:
    """`find` yields the offending nodes of one file's tree. `where`: folders it holds in; `but_in`: files
    that are the one place for it."""

    name: str
    why: str
    find: Finder
    where: tuple[str, ...] = ("services", "ops")
    but_in: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Finding:
    file: str
    line: int
    rule: str
    why: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.why}"


def _called(node: ast.AST) -> str:
    """`httpx.Client` of `httpx.Client(...)`; empty for what is no plain call."""
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def _built_sql(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _SQL_CALLS.match(_called(node).rpartition(".")[2]):
            first = node.args[0] if node.args else None
            if isinstance(first, ast.JoinedStr | ast.BinOp) or _called(first or node).endswith(".format"):
                yield node


def _markup(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        name = _called(node).rpartition(".")[2]
        if isinstance(node, ast.Call) and name == "Markup" and not isinstance(node.args[0], ast.Constant):
            yield node


def _dangerous(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if (
            _FORBIDDEN_MODULES & {name.partition(".")[0] for name in names}
            or _called(node) in _FORBIDDEN_CALLS
        ):
            yield node


def _switched_off(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        for given in node.keywords if isinstance(node, ast.Call) else ():
            value = given.value.value if isinstance(given.value, ast.Constant) else None
            if (given.arg, value) in {("shell", True), ("verify", False), ("autoescape", False)}:
                yield node
        if isinstance(node, ast.Attribute) and node.attr in {"CERT_NONE", "_create_unverified_context"}:
            yield node


def _clients(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        module, _, name = _called(node).rpartition(".")
        if (module == "httpx" and name in _HTTP_CALLS) or _called(node) in {
            "urlopen",
            "urllib.request.urlopen",
        }:
            yield node
        for given in node.keywords if isinstance(node, ast.Call) else ():
            if given.arg == "follow_redirects" and not (
                isinstance(given.value, ast.Constant) and given.value.value is False
            ):
                yield node


def _open_redirects(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if _called(node).rpartition(".")[2] in {"RedirectResponse", "see_other"}:
            assert isinstance(node, ast.Call)
            if any(_is_sent(part) for part in (*node.args[:1], *(one.value for one in node.keywords))):
                yield node


def _is_sent(node: ast.AST) -> bool:
    if isinstance(node, ast.Call) and _called(node).rpartition(".")[2] in _TAMED_BY:
        return False
    if isinstance(node, ast.Attribute) and node.attr in _SENT:
        inner = node.value
        return isinstance(inner, ast.Name | ast.Attribute) and (
            (inner.id if isinstance(inner, ast.Name) else inner.attr) in _SENDERS
        )
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "given":
        return True
    return any(_is_sent(child) for child in ast.iter_child_nodes(node))


def _compared_secrets(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq):
            sides = (node.left, node.comparators[0])
            if any(isinstance(side, ast.Constant) for side in sides):
                continue
            names = [one.attr if isinstance(one, ast.Attribute) else getattr(one, "id", "") for one in sides]
            if any(_SECRET.search(name) for name in names):
                yield node


def _environment(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv"}:
            yield node


RULES = (
    Rule(
        "built-sql",
        "a statement is a constant and what varies a parameter, or text becomes SQL",
        _built_sql,
        where=("services",),  # ops makes roles and schemas: names can be no parameters
        but_in=frozenset({"services/jobs/staff/audit.py", "services/schema.py"}),  # own fragments, own names
    ),
    Rule(
        "markup",
        "Markup of anything but a constant turns what somebody typed into a page's own tags",
        _markup,
        but_in=frozenset({"services/storefront/texts.py", "services/storefront/found.py"}),
    ),
    Rule("dangerous", "it runs what it reads, or speaks a protocol without encryption", _dangerous),
    Rule(
        "switched-off",
        "a shell, an unchecked certificate or unescaped text: ask for it by no flag",
        _switched_off,
    ),
    Rule(
        "http-client",
        "services call out by services/http_client.py alone: no proxy of the environment, no redirects",
        _clients,
        where=("services",),
        but_in=frozenset({"services/http_client.py", "services/healthcheck.py"}),
    ),
    Rule(
        "open-redirect",
        "an address a caller sent leads to another site: pass it by local_path",
        _open_redirects,
    ),
    Rule(
        "secret-compare",
        "`==` tells by its time how much of a guess was right: hmac.compare_digest",
        _compared_secrets,
        where=("services",),
    ),
    Rule(
        "environment",
        "variables are read once, typed and documented, by services/settings.py",
        _environment,
        where=("services",),
        but_in=frozenset({"services/settings.py", "services/healthcheck.py"}),
    ),
)
TEMPLATE_RULES = {
    "inline": "the content security policy runs no inline script or style",
    "safe": "`|safe` of anything but a constant turns what somebody typed into a page's own tags",
}


def findings_in(file: str, text: str) -> list[Finding]:
    """What the rules object to in one file; `file` is its path from the root."""
    if file.endswith(".html"):
        return _template_findings(file, text)
    lines, tree = text.splitlines(), ast.parse(text)
    found: list[Finding] = []
    for rule in RULES:
        if file.partition("/")[0] in rule.where and file not in rule.but_in:
            for node in rule.find(tree):
                assert isinstance(node, ast.stmt | ast.expr)
                exempt = _EXEMPT.search(lines[(node.end_lineno or node.lineno) - 1])
                if exempt is None or exempt[1] != rule.name:
                    found.append(Finding(file, node.lineno, rule.name, rule.why))
    return found


def _template_findings(file: str, text: str) -> list[Finding]:
    """Mails have no other way than inline styles, and run nothing."""
    mail, found = "/mail/" in file, list[Finding]()
    for match in _UNSAFE_TEMPLATE.finditer(text):
        name = match.lastgroup or ""
        if not (mail and name == "inline" and "style" in match[0]):
            found.append(Finding(file, text.count("\n", 0, match.start()) + 1, name, TEMPLATE_RULES[name]))
    return found


def all_findings() -> list[Finding]:
    files = [file for folder in ("services", "ops") for file in sorted((ROOT / folder).rglob("*"))]
    ours = [file for file in files if file.suffix in {".py", ".html"}]
    return [one for file in ours for one in findings_in(str(file.relative_to(ROOT)), file.read_text())]


def main() -> int:
    found = all_findings()
    for one in found:
        print(one)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
