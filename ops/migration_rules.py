"""What is wrong with a statement of a migration, while the release before it still runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pglast import ast, enums
from pglast.visitors import Visitor

from ops.migration_tables import LATER, Objection, TableChanges, table_of

_TWICE = "add the new one beside it, write both, move readers over, and drop the old one in a later release"
_BY_JOB = "change rows in portions, by a job or a script"
_OWN_FILE = (
    "CREATE INDEX CONCURRENTLY as the only statement of a file that begins `-- migrate:up transaction:false`"
)
_LOCKED_OUT = "nobody reads or writes the table until it is done"


@dataclass
class Reading:
    """What is known while the files of a service are read in their order. What a file itself made, nobody
    uses yet: there everything is allowed. `statements` is how many the file holds."""

    statements: int = 0
    transaction: bool = True
    made: set[tuple[str, ...]] = field(default_factory=set)
    tables: TableChanges = field(default_factory=TableChanges)

    def open_file(self, *, transaction: bool) -> None:
        self.transaction, self.statements = transaction, 0
        self.made = set()
        self.tables.open_file(transaction=transaction)

    def objections(self, statement: Any) -> Iterator[Objection]:
        """What is wrong with one statement, in the order of what it says; remembers what it makes."""
        yield from self._of_statement(statement)
        for inner in _changes_of_rows(statement):
            yield from self._of_rows(inner)
        self.made |= set(_made_by(statement))

    def _of_statement(self, statement: Any) -> Iterator[Objection]:
        match statement:
            case ast.AlterTableStmt() if table_of(statement.relation) not in self.made:
                yield from self.tables.objections(statement)
            case ast.DropStmt():
                yield from self._of_drop(statement)
            case ast.RenameStmt() if not self._is_new(statement.relation or statement.object):
                why = "the release that runs knows the old name"
                yield Objection(f"RENAME {_kind(statement.renameType)}", why, _TWICE)
            case ast.AlterObjectSchemaStmt() if not self._is_new(statement.relation or statement.object):
                yield Objection("SET SCHEMA", "the release that runs knows the old name", _TWICE)
            case ast.AlterEnumStmt() if statement.oldVal is not None:
                yield Objection("RENAME VALUE", "the release that runs writes the old value", _TWICE)
            case ast.IndexStmt() if table_of(statement.relation) not in self.made:
                yield from self._of_index("CREATE INDEX", concurrently=bool(statement.concurrent))
            case ast.ReindexStmt():
                asked = {option.defname for option in statement.params or ()}
                yield from self._of_index("REINDEX", concurrently="concurrently" in asked)
            case ast.AlterDomainStmt(subtype="C", def_=ast.Constraint(skip_validation=False)):
                why = "every table with a column of the domain is read under a lock"
                yield Objection("ALTER DOMAIN ... ADD CONSTRAINT", why, "add it NOT VALID, validate it later")
            case _:
                yield from self._of_others(statement)

    def _of_others(self, statement: Any) -> Iterator[Objection]:
        match statement:
            case ast.TruncateStmt() if not self._are_new(statement.relations):
                yield Objection("TRUNCATE", f"all rows are gone, and {_LOCKED_OUT}", LATER)
            case ast.LockStmt() if not self._are_new(statement.relations):
                why = "requests wait for the lock until the migration is over, and time out"
                yield Objection("LOCK TABLE", why, "leave it out: statements take the locks that they need")
            case ast.VacuumStmt() if "full" in {option.defname for option in statement.options or ()}:
                yield Objection("VACUUM FULL", f"it writes the table anew; {_LOCKED_OUT}", "plain VACUUM")
            case ast.ClusterStmt():
                yield Objection("CLUSTER", f"it writes the table anew; {_LOCKED_OUT}", "leave it out")
            case ast.RefreshMatViewStmt() if not statement.concurrent and not self._is_new(
                statement.relation
            ):
                why = "nobody reads the view until it is done"
                yield Objection("REFRESH MATERIALIZED VIEW", why, "REFRESH ... CONCURRENTLY, by a job")
            case ast.DoStmt():
                why = "what its body runs can't be checked here"
                yield Objection("DO", why, "plain statements, or mark it with what it does")
            case ast.DropOwnedStmt() | ast.DropRoleStmt() | ast.DropdbStmt():
                yield Objection("DROP", "the release that runs may log in by it or own it", LATER)
            case ast.TransactionStmt():
                why = "dbmate has a transaction of its own around the file"
                yield Objection("BEGIN, COMMIT or ROLLBACK", why, "leave it out, or `transaction:false`")

    def _of_drop(self, statement: ast.DropStmt) -> Iterator[Objection]:
        if self._are_new(statement.objects):
            return
        if statement.removeType == enums.ObjectType.OBJECT_INDEX:
            yield from self._of_index("DROP INDEX", concurrently=bool(statement.concurrent))
        else:
            yield Objection(f"DROP {_kind(statement.removeType)}", "the release that runs may use it", LATER)

    def _of_index(self, what: str, *, concurrently: bool) -> Iterator[Objection]:
        if not concurrently:
            why = "nobody writes to the table until it is done"
            if what == "DROP INDEX":
                why = "it waits for every query on the table, and all others wait behind it"
            yield Objection(what, why, _OWN_FILE.replace("CREATE INDEX", what))
        elif self.transaction or self.statements > 1:
            # Several statements sent at once are one transaction to PostgreSQL.
            why = "PostgreSQL refuses it inside a transaction"
            yield Objection(f"{what} CONCURRENTLY", why, _OWN_FILE.replace("CREATE INDEX", what))

    def _of_rows(self, statement: Any) -> Iterator[Objection]:
        """DELETE and UPDATE, also inside WITH. `WHERE true` is none."""
        if statement.whereClause is not None and not _is_true(statement.whereClause):
            return
        if self._is_new(statement.relation):
            return
        if isinstance(statement, ast.DeleteStmt):
            yield Objection("DELETE without WHERE", "all rows are gone", LATER)
        else:
            why = "it holds a lock on every row until the migration is over"
            yield Objection("UPDATE without WHERE", why, _BY_JOB)

    def _is_new(self, thing: Any) -> bool:
        return _name_of(thing) in self.made

    def _are_new(self, things: Iterable[Any] | None) -> bool:
        return all(self._is_new(one) for one in things or ())


def _kind(kind: enums.ObjectType | None) -> str:
    """`OBJECT_MATVIEW`: how SQL calls it."""
    name = "" if kind is None else kind.name.removeprefix("OBJECT_")
    return {"MATVIEW": "MATERIALIZED VIEW", "TABCONSTRAINT": "CONSTRAINT"}.get(name, name)


def _is_true(condition: Any) -> bool:
    value = getattr(condition, "val", None)
    return isinstance(condition, ast.A_Const) and isinstance(value, ast.Boolean) and bool(value.boolval)


class _RowChanges(Visitor):
    def __init__(self) -> None:
        self.found: list[Any] = []

    def visit_DeleteStmt(self, _ancestors: Any, node: Any) -> None:  # noqa: N802  # pglast's name for it
        self.found.append(node)

    def visit_UpdateStmt(self, _ancestors: Any, node: Any) -> None:  # noqa: N802
        self.found.append(node)


def _changes_of_rows(statement: Any) -> list[Any]:
    # The body of a function in the SQL standard's form is parsed too, but not run.
    if isinstance(statement, ast.CreateFunctionStmt | ast.RuleStmt):
        return []
    visitor = _RowChanges()
    visitor(statement)
    return visitor.found


def _name_of(thing: Any) -> tuple[str, ...]:
    """What a statement calls a thing: `("catalog", "products")`."""
    if isinstance(thing, ast.RangeVar):
        return table_of(thing)
    parts = thing
    if isinstance(thing, ast.ObjectWithArgs):
        parts = thing.objname
    elif isinstance(thing, ast.TypeName):
        parts = thing.names
    listed = parts if isinstance(parts, tuple) else (parts,)
    return tuple(str(part.sval) for part in listed if isinstance(part, ast.String))


def _made_by(statement: Any) -> Iterator[tuple[str, ...]]:
    """What a statement makes for certain: with IF NOT EXISTS or OR REPLACE it may have been there."""
    match statement:
        case ast.CreateStmt() if not statement.if_not_exists:
            yield table_of(statement.relation)
        case ast.CreateTableAsStmt(if_not_exists=False, into=ast.IntoClause(rel=relation)):
            yield table_of(relation)
        case ast.ViewStmt() if not statement.replace:
            yield table_of(statement.view)
        case ast.CreateFunctionStmt() if not statement.replace:
            yield _name_of(statement.funcname)
        case ast.CreateEnumStmt() | ast.CreateRangeStmt():
            yield _name_of(statement.typeName)
        case ast.CompositeTypeStmt():
            yield table_of(statement.typevar)
        case ast.CreateDomainStmt():
            yield _name_of(statement.domainname)
        case ast.CreateSeqStmt() if not statement.if_not_exists:
            yield table_of(statement.sequence)
        case ast.CreateSchemaStmt() if not statement.if_not_exists:
            yield (str(statement.schemaname),)
        case ast.IndexStmt() if not statement.if_not_exists and statement.idxname:
            yield (*table_of(statement.relation)[:-1], statement.idxname)
