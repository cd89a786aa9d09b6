"""The security checklist, and what proves it beside the tests of each part."""
