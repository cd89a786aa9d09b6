"""The queues that workers work on, for each backend."""

DURABLE_QUEUES = FAST_QUEUES = ("default",)
