"""What both backends' messages can tell about themselves."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime

from dramatiq import MessageProxy

from services.request_context import RequestContext, new_request_id


class JobMessage(MessageProxy):
    """A message on its way through a worker."""

    @abstractmethod
    def request(self) -> RequestContext:
        """The context of the request that asked for the job."""

    def ready_at(self) -> datetime | None:
        """Since when this attempt could have run; None: nobody knows."""
        return None

    @abstractmethod
    def outcome(self, error: BaseException | None) -> str:
        """How the attempt ended, once the broker's middleware has judged it."""

    @staticmethod
    def context_of(request_id: str | None, traceparent: str | None) -> RequestContext:
        """A job that nobody's request asked for gets an id of its own."""
        return RequestContext(request_id or new_request_id(), internal=True, traceparent=traceparent)

    def __str__(self) -> str:
        """For dramatiq's log lines: arguments may hold personal data, so they are left out."""
        return f"{self.actor_name} {self.message_id}"
