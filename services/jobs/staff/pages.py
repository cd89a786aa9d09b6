"""All routes of staff: login, own account, staff, API tokens, audit log, and the question of forwardAuth."""

from services.jobs.staff import (
    account_pages,
    audit_pages,
    login_pages,
    session_check,
    staff_pages,
    token_pages,
)

OPERATIONS = [
    *login_pages.OPERATIONS,
    *account_pages.OPERATIONS,
    *staff_pages.OPERATIONS,
    *token_pages.OPERATIONS,
    *audit_pages.OPERATIONS,
    *session_check.OPERATIONS,
]
