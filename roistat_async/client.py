"""Roistat: opens and closes the parts of a client."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from .api.project_api import ProjectApi
from .clock import Clock
from .config import (
    DEFAULT_BASE_URL,
    Config,
    Limits,
    RetryPolicy,
    Secret,
    Timeouts,
    parse_project,
    read_environment,
    validate_base_url,
)
from .errors import ConfigurationError, OutcomeUnknownError, RoistatError
from .hooks import Hooks
from .resources.analytics import Analytics
from .resources.calls import Calls
from .resources.phones import Phones
from .resources.scripts import Scripts
from .transport.http import HttpTransport
from .transport.http_request import NetworkOptions
from .transport.rate_limiter import RateLimiter
from .transport.retry import RetryBudget
from .wire import request

if TYPE_CHECKING:
    import aiohttp


class Roistat:
    """Be a client of one project; use it as `async with Roistat(...) as roistat`.

    A `session` is borrowed: its proxies, certificates and hooks are used, and it is not closed.
    Each request asks for its connection to be closed, so that none of ours is used again; what
    others left in its pool may be met all the same.
    Without one, `proxy`, `ssl_context` (an own CA) and `trust_env` say how to reach Roistat.
    Certificates are always checked. `hooks` are called at each request, answer and repeat.
    Raises ConfigurationError for what cannot be right.
    """

    scripts: Scripts
    phones: Phones
    calls: Calls
    analytics: Analytics

    def __init__(
        self,
        api_key: str,
        project: int | str,
        *,
        base_url: str = DEFAULT_BASE_URL,
        session: aiohttp.ClientSession | None = None,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        limits: Limits | None = None,
        proxy: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        trust_env: bool = False,
        hooks: Hooks | None = None,
        clock: Clock | None = None,
    ) -> None:
        if session is not None and (proxy or ssl_context or trust_env):
            raise ConfigurationError("a borrowed session brings its own proxy, CA and trust_env")
        config = Config(
            key=Secret(api_key),
            project=parse_project(project),
            base_url=validate_base_url(base_url),
            timeouts=timeouts or Timeouts(),
            retry=retry or RetryPolicy(),
            limits=limits or Limits(),
        )
        connecting = NetworkOptions(proxy, ssl_context, trust_env)
        http = HttpTransport(config.timeouts, connecting, session, headers=request.DEFAULT_HEADERS)
        hooks = Hooks() if hooks is None else hooks
        self._build(config, http, clock or Clock(), RetryBudget(), hooks)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **options: Any) -> Self:
        """Make a client of ROISTAT_API_KEY, ROISTAT_PROJECT and ROISTAT_BASE_URL."""
        return cls(**{**read_environment(environ), **options})

    def for_project(self, project: int | str, *, limits: Limits | None = None) -> Self:
        """Give a client of another project: same key, same connections, limits of its own.

        Closing it closes nothing; it ends with the client it came from.
        """
        old = self._config
        config = Config(
            key=old.key,
            project=parse_project(project),
            base_url=old.base_url,
            timeouts=old.timeouts,
            retry=old.retry,
            limits=limits or old.limits,
        )
        other = type(self).__new__(type(self))
        hooks = self._endpoint.hooks
        other._build(config, self._http, self._clock, self._budget, hooks)
        other._owns_http = False
        return other

    @property
    def project(self) -> int:
        """Give the project's number."""
        return self._config.project

    @property
    def base_url(self) -> str:
        """Give the address, without a slash at its end."""
        return self._config.base_url

    @property
    def clock(self) -> Clock:
        """Give the clock that all waiting and timing goes by."""
        return self._clock

    @property
    def requests_left(self) -> int | None:
        """Give how many requests this hour still has for the project, of those this client knows.

        None where `Limits.per_hour` is None.
        """
        return self._endpoint.governor.remaining_this_hour

    async def resolve(self, error: OutcomeUnknownError) -> Any:
        """Look, by listing, whether an unanswered create happened; send nothing again.

        Gives the record (for `phones.create` the list of them), or None where it is not to be
        seen: it may still appear, so wait before you create again. Raises RoistatError if more
        than one record could be it, ConfigurationError if the error knows no way to look (it
        was pickled, or was about a change).
        """
        if error.lookup is None:
            raise ConfigurationError(
                "this error cannot be resolved: it was pickled, or was about no create"
            )
        if error.project != self.project:  # looked for here it would be taken as not created
            raise ConfigurationError(
                f"the create was one of project {error.project}; resolve it by that client"
            )
        return await error.lookup(self._endpoint)

    async def close(self) -> None:
        """Close the connections that are this client's own."""
        if self._owns_http:
            await self._http.close()

    async def __aenter__(self) -> Self:
        self._http.bind(reopen=True)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"Roistat(project={self.project}, base_url={self._config.base_url!r})"

    def __reduce__(self) -> Any:
        raise RoistatError("a client cannot be pickled; make one in each process")

    def _build(
        self, config: Config, http: HttpTransport, clock: Clock, budget: RetryBudget, hooks: Hooks
    ) -> None:
        self._config = config
        self._http = http
        self._clock = clock
        self._budget = budget
        self._owns_http = True
        endpoint = ProjectApi(config, http, RateLimiter(config.limits, clock), clock, budget, hooks)
        self._endpoint = endpoint
        self.scripts = Scripts(endpoint)
        self.phones = Phones(endpoint)
        self.calls = Calls(endpoint)
        self.analytics = Analytics(endpoint)
