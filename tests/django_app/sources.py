"""Sources for tests: what they answer is what the test says."""

from __future__ import annotations

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.contrib.auth import get_user_model
from django.utils.decorators import sync_and_async_middleware

from wauth_core.web.asking import Challenge


class Answers:
    """Gives one outcome, whoever asks."""

    def __init__(self, outcome, challenge=None):
        self.outcome, self.asked = outcome, 0
        self.challenge = challenge or Challenge()

    def identify(self, request, rules):
        """The outcome."""
        self.asked += 1
        return self.outcome


@sync_and_async_middleware
def looks_at_headers(get_response):
    """A middleware that reads the headers, of which Django keeps a copy then, before a source is asked."""

    def middleware(request):
        assert request.headers is not None
        return get_response(request)

    return markcoroutinefunction(middleware) if iscoroutinefunction(get_response) else middleware


@sync_and_async_middleware
def signs_a_robot_in(get_response):
    """A middleware of a project's own: a token in a header stands for a user, without a session."""

    def user_of(request):
        return get_user_model().objects.get(username=request.headers["token"])

    def middleware(request):
        if "token" in request.headers:
            request.user = user_of(request)
        return get_response(request)

    async def amiddleware(request):
        if "token" in request.headers:
            request.user = await sync_to_async(user_of)(request)
        return await get_response(request)

    return amiddleware if iscoroutinefunction(get_response) else middleware
