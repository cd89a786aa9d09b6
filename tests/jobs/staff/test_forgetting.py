"""What of the staff's side goes by itself."""

from databases import Database

from services.jobs.staff.forgetting import forget
from tests.jobs.conftest import Owner


async def test_what_has_ended_goes_and_what_counts_stays(owner: Owner, jobs_database: Database) -> None:
    account = await owner.fetchval(
        "INSERT INTO jobs.staff_accounts (name, role, password_hash, created_by)"
        " VALUES ('ada', 'admin', '$argon2id$', 'test') RETURNING id"
    )
    for created, seen in (("1 hour", "1 hour"), ("8 days", "1 hour"), ("13 hours", "13 hours")):
        await owner.execute(
            "INSERT INTO jobs.staff_sessions (token_hash, account_id, created_at, seen_at)"
            " VALUES (sha256($1::text::bytea), $2, now() - $1::text::interval, now() - $3::text::interval)",
            created,
            account,
            seen,
        )
    await owner.execute(
        "INSERT INTO jobs.staff_tries (key, tried_at)"
        " SELECT sha256(n::text::bytea), now() - n * interval '1 hour' FROM generate_series(20, 60) n"
    )
    await forget(jobs_database, batch=10)
    assert await owner.fetchval("SELECT count(*) FROM jobs.staff_sessions") == 1
    assert await owner.fetchval("SELECT count(*) FROM jobs.staff_tries") == 4
