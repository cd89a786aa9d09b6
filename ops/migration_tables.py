"""What is wrong with an ALTER TABLE of a migration, while the release before it still runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pglast import ast, enums
from pglast.visitors import Visitor

_Alter = enums.AlterTableType
_Kind = enums.ConstrType

# Functions that say the same throughout a statement: one value for all rows, so no row is written.
_SAME_FOR_ALL_ROWS = {"now", "transaction_timestamp", "statement_timestamp", "current_setting"}
_SERIAL = {"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"}

_READ_UNDER_LOCK = "the whole table is read while nobody may write to it"
_WRITTEN_ANEW = "the whole table is written anew, and nobody reads or writes it meanwhile"
_VALIDATE_LATER = "add it NOT VALID; VALIDATE CONSTRAINT in the next file"
LATER = "in a release of its own, when no release that may run, or be rolled back to, uses it: mark it then"
_VALIDATE_NEXT = "VALIDATE CONSTRAINT in the next file, and SET NOT NULL after it"
_NEW_COLUMN = (
    "add a column beside it, write both, fill it by a job, move readers over, drop the old one later"
)


@dataclass(frozen=True, slots=True)
class Objection:
    """What a statement does, why it should not, and the safe way."""

    what: str
    why: str
    instead: str


def table_of(relation: Any) -> tuple[str, ...]:
    """A table's name with its schema, as a statement gives it."""
    if relation is None:
        return ()
    return tuple(part for part in (relation.schemaname, relation.relname) if part)


@dataclass
class TableChanges:
    """`checked` are the constraints that say a column is not null (whether proven for all rows or not),
    `filled` the columns for which one was proven; `unproven` the constraints of this file that are not."""

    transaction: bool = True
    checked: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    filled: set[tuple[str, ...]] = field(default_factory=set)
    unproven: set[tuple[str, ...]] = field(default_factory=set)

    def open_file(self, *, transaction: bool) -> None:
        self.transaction, self.unproven = transaction, set()

    def objections(self, statement: ast.AlterTableStmt) -> Iterator[Objection]:
        """What is wrong with an ALTER TABLE of a table that was there before."""
        table = table_of(statement.relation)
        for change in statement.cmds or ():
            yield from self._of_change(table, change)

    def _of_change(self, table: tuple[str, ...], change: Any) -> Iterator[Objection]:
        match change.subtype:
            case _Alter.AT_AddColumn:
                yield from _of_new_column(change.def_)
            case _Alter.AT_AddConstraint:
                yield from self._of_new_constraint(table, change.def_)
            case _Alter.AT_ValidateConstraint:
                yield from self._of_validation(table, change.name)
            case _Alter.AT_SetNotNull if (*table, change.name) not in self.filled:
                instead = f"ADD CONSTRAINT ... CHECK ({change.name} IS NOT NULL) NOT VALID; {_VALIDATE_NEXT}"
                yield Objection("SET NOT NULL", _READ_UNDER_LOCK, instead)
            case _Alter.AT_ColumnDefault if change.def_ is None:
                why = "the release that runs may insert rows without the column"
                yield Objection("DROP DEFAULT", why, LATER)
            case _:
                yield from _of_plain_change(change)

    def _of_new_constraint(self, table: tuple[str, ...], constraint: Any) -> Iterator[Objection]:
        proven = not constraint.skip_validation
        if (column := _never_null(constraint)) is not None:
            self.checked[*table, constraint.conname or ""] = (*table, column)
            if proven:
                self.filled.add((*table, column))
        if constraint.contype in (_Kind.CONSTR_PRIMARY, _Kind.CONSTR_UNIQUE):
            if constraint.indexname is None:
                instead = "CREATE UNIQUE INDEX CONCURRENTLY in a file of its own, then ... USING INDEX"
                yield Objection("ADD CONSTRAINT with an index", _READ_UNDER_LOCK, instead)
        elif constraint.contype == _Kind.CONSTR_EXCLUSION:
            yield Objection("ADD CONSTRAINT ... EXCLUDE", _READ_UNDER_LOCK, "have it when the table is made")
        elif proven:
            yield Objection("ADD CONSTRAINT without NOT VALID", _READ_UNDER_LOCK, _VALIDATE_LATER)
        else:
            self.unproven.add((*table, constraint.conname or ""))

    def _of_validation(self, table: tuple[str, ...], name: str) -> Iterator[Objection]:
        if (*table, name) in self.unproven and self.transaction:
            why = "in the transaction that added it, the lock of ADD CONSTRAINT is still held while it reads"
            yield Objection("VALIDATE CONSTRAINT", why, "VALIDATE CONSTRAINT in the next file")
        if column := self.checked.get((*table, name)):
            self.filled.add(column)


def _of_plain_change(change: Any) -> Iterator[Objection]:
    """Changes that need no more than their kind to be judged."""
    match change.subtype:
        case _Alter.AT_DropColumn:
            yield Objection("DROP COLUMN", "the release that runs may read or write it", LATER)
        case _Alter.AT_AlterColumnType:
            yield Objection("ALTER COLUMN ... TYPE", _WRITTEN_ANEW, _NEW_COLUMN)
        case _Alter.AT_SetExpression:
            yield Objection("SET EXPRESSION", _WRITTEN_ANEW, _NEW_COLUMN)
        case (
            _Alter.AT_SetLogged | _Alter.AT_SetUnLogged | _Alter.AT_SetTableSpace | _Alter.AT_SetAccessMethod
        ):
            what = change.subtype.name.removeprefix("AT_Set")
            yield Objection(f"SET {what.upper()}", _WRITTEN_ANEW, "choose it when the table is made")
        case _Alter.AT_DetachPartition if not change.def_.concurrent:
            why = "nobody reads or writes the table until it is done, and its rows are missed"
            yield Objection("DETACH PARTITION", why, f"DETACH ... CONCURRENTLY, {LATER}")


def _of_new_column(column: Any) -> Iterator[Objection]:
    constraints = column.constraints or ()
    kinds = {constraint.contype for constraint in constraints}
    defaults = [one.raw_expr for one in constraints if one.contype == _Kind.CONSTR_DEFAULT]
    kind = column.typeName.names[-1].sval if column.typeName is not None else ""
    what = f"ADD COLUMN {column.colname}"
    if kind in _SERIAL or _Kind.CONSTR_IDENTITY in kinds or _stored(constraints):
        instead = "add it without, let new rows have a default, fill the old ones by a job"
        yield Objection(f"{what} with a value of its own in every row", _WRITTEN_ANEW, instead)
    elif any(_differs_by_row(default) for default in defaults):
        instead = "add it without a default, SET DEFAULT next, fill the old rows by a job"
        yield Objection(f"{what} with a default that differs by row", _WRITTEN_ANEW, instead)
    elif kinds & {_Kind.CONSTR_NOTNULL, _Kind.CONSTR_PRIMARY} and not any(map(_is_value, defaults)):
        why = "it fails where there are rows, and the release that runs inserts rows without it"
        yield Objection(f"{what} NOT NULL without a default", why, "give it a default, or let it be null")
    if kinds & {_Kind.CONSTR_UNIQUE, _Kind.CONSTR_PRIMARY}:
        instead = "CREATE UNIQUE INDEX CONCURRENTLY in a file of its own"
        yield Objection(f"{what} UNIQUE", _READ_UNDER_LOCK, instead)
    if _Kind.CONSTR_CHECK in kinds or (_Kind.CONSTR_FOREIGN in kinds and any(map(_is_value, defaults))):
        instead = f"add the column, then its constraint: {_VALIDATE_LATER}"
        yield Objection(f"{what} with a constraint", _READ_UNDER_LOCK, instead)


def _stored(constraints: Any) -> bool:
    return any(one.contype == _Kind.CONSTR_GENERATED and one.generated_kind == "s" for one in constraints)


def _is_value(expression: Any) -> bool:
    return not (isinstance(expression, ast.A_Const) and expression.isnull)


class _Calls(Visitor):
    def __init__(self) -> None:
        self.found: list[str] = []

    def visit_FuncCall(self, _ancestors: Any, node: Any) -> None:  # noqa: N802  # pglast's name for it
        self.found.append(node.funcname[-1].sval)


def _differs_by_row(default: Any) -> bool:
    calls = _Calls()
    calls(default)
    return not set(calls.found) <= _SAME_FOR_ALL_ROWS


def _never_null(constraint: Any) -> str | None:
    """The column that a constraint says is never null."""
    if constraint.contype == _Kind.CONSTR_NOTNULL and constraint.keys:
        return str(constraint.keys[0].sval)
    test = constraint.raw_expr
    if (
        constraint.contype == _Kind.CONSTR_CHECK
        and isinstance(test, ast.NullTest)
        and test.nulltesttype == enums.NullTestType.IS_NOT_NULL
        and isinstance(test.arg, ast.ColumnRef)
        and test.arg.fields
    ):
        return str(test.arg.fields[-1].sval)
    return None
