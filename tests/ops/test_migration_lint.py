"""Migrations only expand: what the linter lets through, what it refuses, and what it can't be fooled by."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops import migration_lint
from ops.migration_lint import Finding, findings

UP = "-- migrate:up\n"
ALONE = "-- migrate:up transaction:false\n"


@pytest.fixture
def services(tmp_path: Path) -> Path:
    schema = tmp_path / "services" / "shop" / "schema"
    schema.mkdir(parents=True)
    return schema.parent.parent


def _lint(services: Path, *files: str) -> list[Finding]:
    for number, text in enumerate(files, 1):
        (services / "shop" / "schema" / f"{number:04}_step.sql").write_text(text)
    return findings(services)


def _refused(services: Path, statement: str) -> list[str]:
    return [finding.what for finding in _lint(services, f"{UP}{statement};\n")]


def test_our_own_migrations_pass() -> None:
    assert [str(finding) for finding in findings()] == []


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("DROP TABLE shop.carts", "DROP TABLE"),
        ("DROP TABLE IF EXISTS shop.a, shop.b CASCADE", "DROP TABLE"),
        ("DROP SCHEMA shop", "DROP SCHEMA"),
        ("DROP TYPE shop.colour", "DROP TYPE"),
        ("DROP VIEW shop.best", "DROP VIEW"),
        ("DROP MATERIALIZED VIEW shop.best", "DROP MATERIALIZED VIEW"),
        ("DROP FUNCTION shop.total(int)", "DROP FUNCTION"),
        ("DROP OWNED BY kiosk_shop", "DROP"),
        ("ALTER TABLE shop.carts DROP COLUMN email", "DROP COLUMN"),
        ("ALTER TABLE shop.carts DROP email", "DROP COLUMN"),
        ("ALTER TYPE shop.address DROP ATTRIBUTE city", "DROP COLUMN"),
        ("ALTER TABLE shop.carts ALTER email DROP DEFAULT", "DROP DEFAULT"),
        ("ALTER TABLE shop.carts RENAME TO baskets", "RENAME TABLE"),
        ("ALTER TABLE shop.carts RENAME email TO mail", "RENAME COLUMN"),
        ("ALTER TABLE shop.carts RENAME CONSTRAINT a TO b", "RENAME CONSTRAINT"),
        ("ALTER TABLE shop.carts SET SCHEMA old", "SET SCHEMA"),
        ("ALTER TYPE shop.colour RENAME VALUE 'red' TO 'crimson'", "RENAME VALUE"),
        ("ALTER TABLE shop.carts ALTER COLUMN total TYPE bigint", "ALTER COLUMN ... TYPE"),
        ("ALTER TABLE shop.carts ALTER total SET DATA TYPE bigint", "ALTER COLUMN ... TYPE"),
        ("ALTER TABLE shop.carts SET UNLOGGED", "SET UNLOGGED"),
        ("ALTER TABLE shop.carts ALTER email SET NOT NULL", "SET NOT NULL"),
        ("ALTER TABLE shop.carts ADD note text NOT NULL", "ADD COLUMN note NOT NULL without a default"),
        (
            "ALTER TABLE shop.carts ADD note text NOT NULL DEFAULT NULL",
            "ADD COLUMN note NOT NULL without a default",
        ),
        (
            "ALTER TABLE shop.carts ADD n bigserial",
            "ADD COLUMN n with a value of its own in every row",
        ),
        (
            "ALTER TABLE shop.carts ADD n int GENERATED ALWAYS AS IDENTITY",
            "ADD COLUMN n with a value of its own in every row",
        ),
        (
            "ALTER TABLE shop.carts ADD n int GENERATED ALWAYS AS (total * 2) STORED",
            "ADD COLUMN n with a value of its own in every row",
        ),
        (
            "ALTER TABLE shop.carts ADD token uuid DEFAULT uuidv7()",
            "ADD COLUMN token with a default that differs by row",
        ),
        ("ALTER TABLE shop.carts ADD code text UNIQUE", "ADD COLUMN code UNIQUE"),
        ("ALTER TABLE shop.carts ADD n int CHECK (n > 0)", "ADD COLUMN n with a constraint"),
        ("ALTER TABLE shop.carts ADD CHECK (total > 0)", "ADD CONSTRAINT without NOT VALID"),
        (
            "ALTER TABLE shop.carts ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES shop.b (id)",
            "ADD CONSTRAINT without NOT VALID",
        ),
        ("ALTER TABLE shop.carts ADD CONSTRAINT c UNIQUE (email)", "ADD CONSTRAINT with an index"),
        ("ALTER TABLE shop.carts ADD PRIMARY KEY (id)", "ADD CONSTRAINT with an index"),
        ("ALTER TABLE shop.carts ADD EXCLUDE USING gist (a WITH &&)", "ADD CONSTRAINT ... EXCLUDE"),
        ("ALTER DOMAIN shop.sku ADD CHECK (value <> '')", "ALTER DOMAIN ... ADD CONSTRAINT"),
        ("ALTER TABLE shop.views DETACH PARTITION shop.views_1", "DETACH PARTITION"),
        ("CREATE INDEX carts_email ON shop.carts (email)", "CREATE INDEX"),
        ("CREATE UNIQUE INDEX ON shop.carts (email)", "CREATE INDEX"),
        ("CREATE INDEX CONCURRENTLY carts_email ON shop.carts (email)", "CREATE INDEX CONCURRENTLY"),
        ("DROP INDEX shop.carts_email", "DROP INDEX"),
        ("REINDEX TABLE shop.carts", "REINDEX"),
        ("TRUNCATE shop.carts", "TRUNCATE"),
        ("DELETE FROM shop.carts", "DELETE without WHERE"),
        ("DELETE FROM shop.carts WHERE true", "DELETE without WHERE"),
        ("UPDATE shop.carts SET total = 0", "UPDATE without WHERE"),
        ("WITH gone AS (DELETE FROM shop.carts RETURNING id) SELECT 1 FROM gone", "DELETE without WHERE"),
        ("LOCK TABLE shop.carts", "LOCK TABLE"),
        ("VACUUM FULL shop.carts", "VACUUM FULL"),
        ("VACUUM (FULL, ANALYZE) shop.carts", "VACUUM FULL"),
        ("CLUSTER shop.carts", "CLUSTER"),
        ("REFRESH MATERIALIZED VIEW shop.best", "REFRESH MATERIALIZED VIEW"),
        ("DO $$ BEGIN DROP TABLE shop.carts; END $$", "DO"),
        ("COMMIT", "BEGIN, COMMIT or ROLLBACK"),
    ],
)
def test_what_takes_away_or_locks_is_refused(services: Path, statement: str, what: str) -> None:
    assert _refused(services, statement) == [what]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE shop.notes (id int PRIMARY KEY, text text NOT NULL UNIQUE CHECK (text <> ''))",
        "CREATE TABLE shop.n (id int); CREATE INDEX ON shop.n (id); ALTER TABLE shop.n ADD CHECK (id > 0)",
        "CREATE TABLE shop.n (id int); DELETE FROM shop.n; DROP TABLE shop.n",
        "ALTER TABLE shop.carts ADD COLUMN note text",
        "ALTER TABLE shop.carts ADD n int NOT NULL DEFAULT 0",
        "ALTER TABLE shop.carts ADD seen_at timestamptz NOT NULL DEFAULT now()",
        "ALTER TABLE shop.carts ADD owner_id int REFERENCES shop.owners (id)",
        "ALTER TABLE shop.carts ADD n int GENERATED ALWAYS AS (total * 2) VIRTUAL",
        "ALTER TABLE shop.carts ADD CONSTRAINT c CHECK (total > 0) NOT VALID",
        "ALTER TABLE shop.carts ADD CONSTRAINT c NOT NULL email NOT VALID",
        "ALTER TABLE shop.carts ADD CONSTRAINT c UNIQUE USING INDEX carts_email",
        "ALTER TABLE shop.carts ALTER email DROP NOT NULL, ALTER email SET DEFAULT ''",
        "ALTER TABLE shop.carts DROP CONSTRAINT c",
        "ALTER TYPE shop.colour ADD VALUE 'teal'",
        "DELETE FROM shop.carts WHERE expires_at < now()",
        "UPDATE shop.carts SET total = 0 WHERE total IS NULL",
        "CREATE OR REPLACE FUNCTION shop.f() RETURNS void LANGUAGE sql AS $$ DELETE FROM shop.carts $$",
        "CREATE FUNCTION shop.f() RETURNS void BEGIN ATOMIC DELETE FROM shop.carts; END",
        "INSERT INTO shop.words VALUES ('DROP TABLE shop.carts; -- ')",
        "/* DROP TABLE shop.carts; */ SELECT 1",
        "GRANT SELECT ON shop.carts TO kiosk_health",
        "VACUUM ANALYZE shop.carts",
    ],
)
def test_what_only_adds_is_let_through(services: Path, statement: str) -> None:
    assert _refused(services, statement) == []


def test_each_change_of_one_statement_is_named(services: Path) -> None:
    refused = _refused(services, "ALTER TABLE shop.carts DROP email, ADD note text NOT NULL")
    assert refused == ["DROP COLUMN", "ADD COLUMN note NOT NULL without a default"]


def test_an_index_is_made_concurrently_alone_and_outside_a_transaction(services: Path) -> None:
    index = "CREATE INDEX CONCURRENTLY carts_email ON shop.carts (email);\n"
    assert _lint(services, f"{ALONE}{index}") == []
    [first, second] = _lint(services, f"{ALONE}{index}{index}")
    assert "inside a transaction" in first.why
    assert second.line == 3


def test_a_table_of_an_earlier_file_exists(services: Path) -> None:
    made, indexed = f"{UP}CREATE TABLE shop.n (id int);", f"{UP}CREATE INDEX ON shop.n (id);"
    [finding] = _lint(services, made, indexed)
    assert finding.file == Path("services/shop/schema/0002_step.sql")


def test_a_table_that_may_have_existed_counts_as_there(services: Path) -> None:
    assert _refused(services, "CREATE TABLE IF NOT EXISTS shop.n (id int); TRUNCATE shop.n") == ["TRUNCATE"]


def test_not_null_after_a_proven_check_costs_nothing(services: Path) -> None:
    check = f"{UP}ALTER TABLE shop.carts ADD CONSTRAINT filled CHECK (email IS NOT NULL) NOT VALID;"
    proof = f"{UP}ALTER TABLE shop.carts VALIDATE CONSTRAINT filled;"
    not_null = "ALTER TABLE shop.carts ALTER email SET NOT NULL;"
    assert _lint(services, check, f"{proof}\n{not_null}") == []
    assert [finding.what for finding in _lint(services, check, f"{UP}{not_null}")] == ["SET NOT NULL"]


def test_a_constraint_is_not_proven_in_the_transaction_that_added_it(services: Path) -> None:
    both = (
        "ALTER TABLE shop.carts ADD CONSTRAINT c CHECK (total > 0) NOT VALID;"
        "ALTER TABLE shop.carts VALIDATE CONSTRAINT c"
    )
    assert _refused(services, both) == ["VALIDATE CONSTRAINT"]


@pytest.mark.parametrize(
    "mark",
    [
        "-- contract: no release since March reads it\n",
        "-- contract: no release since March reads it,\n-- nor does any job\n",
        "-- The old address.\n-- contract: no release reads it\n",
    ],
)
def test_a_mark_above_lets_a_statement_through(services: Path, mark: str) -> None:
    assert _lint(services, f"{UP}{mark}DROP TABLE shop.carts;") == []


@pytest.mark.parametrize(
    "text",
    [
        "-- contract: far away\n\nDROP TABLE shop.carts;",
        "SELECT 1; -- contract: of the other statement\nDROP TABLE shop.carts;",
        "-- contract: only of the first\nSELECT 1;\nDROP TABLE shop.carts;",
        "SELECT '\n-- contract: inside a string\n'; DROP TABLE shop.carts;",
        "-- no contract: at all\nDROP TABLE shop.carts;",
    ],
)
def test_a_mark_elsewhere_marks_nothing(services: Path, text: str) -> None:
    assert [finding.what for finding in _lint(services, UP + text)] == ["DROP TABLE"]


def test_a_mark_needs_a_reason(services: Path) -> None:
    [finding] = _lint(services, f"{UP}-- contract:\nDROP TABLE shop.carts;")
    assert finding.what == "a mark without a reason"


def test_what_undoes_a_migration_is_not_looked_at(services: Path) -> None:
    assert _lint(services, f"{UP}SELECT 1;\n-- migrate:down\nDROP TABLE shop.carts;") == []


def test_lines_are_those_of_the_file(services: Path) -> None:
    text = f"-- Why é matters\n{UP}\n-- DROP TABLE\nSELECT 'é\n\n';\n\n  -- words\n  DROP TABLE shop.carts;\n"
    [finding] = _lint(services, text)
    assert finding.line == 10
    assert str(finding).startswith("services/shop/schema/0001_step.sql:10: DROP TABLE\n    why: ")


def test_what_postgres_cannot_read_is_a_finding(services: Path) -> None:
    [finding] = _lint(services, f"{UP}SELECT 1;\nCREATE TALBE shop.n (id int);")
    assert (finding.line, finding.what) == (3, 'syntax error at or near "TALBE"')


def test_a_file_without_an_up_part_is_a_finding(services: Path) -> None:
    [finding] = _lint(services, "CREATE TABLE shop.n (id int);")
    assert finding.what == "no `-- migrate:up`"


def test_the_command_ends_badly_with_the_way_out(
    services: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _lint(services, f"{UP}DROP TABLE shop.carts;")
    monkeypatch.setattr(migration_lint, "findings", lambda: found)
    with pytest.raises(SystemExit, match=r"1 statement .*`-- contract: <why>`"):
        migration_lint.main()
    assert "instead: " in capsys.readouterr().out
