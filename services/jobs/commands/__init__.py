"""The command line of jobs: `python -m services.jobs queues`. Verbs are those of dashboard and API."""
