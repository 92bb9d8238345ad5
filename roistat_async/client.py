"""The client."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypedDict, Unpack, overload

from attrs import evolve

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
    require_project,
    validate_base_url,
)
from .errors import ConfigurationError, OutcomeUnknownError, RoistatError
from .hooks import Hooks
from .models.calls import Call
from .models.phones import Phone
from .models.scripts import Script
from .resources import call_writes, phones, scripts
from .resources.analytics import Analytics
from .resources.calls import Calls
from .resources.phones import Phones
from .resources.projects import Projects
from .resources.scripts import Scripts
from .tracebacks import hides_arguments
from .transport.bandwidth import BandwidthLimiter
from .transport.http import HttpTransport
from .transport.http_request import NetworkOptions
from .transport.interface import Transport
from .transport.rate_limiter import RateLimiter
from .transport.retry import RetryBudget
from .wire import request

if TYPE_CHECKING:
    import aiohttp

_MODELS: Mapping[str, type[Script | Phone | Call]] = {
    scripts.CREATE: Script,
    phones.CREATE: Phone,
    call_writes.CREATE: Call,
}


class ClientOptions(TypedDict, total=False):
    """Keyword arguments of `Roistat`, for `Roistat.from_env(**options)`."""

    api_key: str
    project: int | str | None
    base_url: str
    session: aiohttp.ClientSession | None
    timeouts: Timeouts | None
    retry: RetryPolicy | None
    limits: Limits | None
    proxy: str | None
    ssl_context: ssl.SSLContext | None
    trust_env: bool
    hooks: Hooks | None
    clock: Clock | None
    transport: Transport | None


class Roistat:
    """Client for one Roistat project, used as an async context manager.

        async with Roistat(api_key="...", project=12345) as roistat:  # or Roistat.from_env()
            calls = await roistat.calls.list(period=Period.last(days=1)).collect()

    Resources, whose methods `help(roistat.calls)` and the like describe:

    * `roistat.calls`: list and history of calls, recordings, export; create, update and delete.
    * `roistat.phones`: list, create, update, delete and buy phone numbers.
    * `roistat.scripts`: list, create, update and delete call-tracking scripts.
    * `roistat.analytics`: calls summed up by hour, weekday, day, channel and region.
    * `roistat.projects`: list of the projects that the key opens.

    A local copy of the calls is kept by `roistat_async.sync`: see `help(sync_calls)`.

    Arguments:

    * `api_key`: from your Roistat profile. `project`: the number of the project. A client without
      one only lists projects, and makes clients of them with `for_project`.
    * `base_url`: another address, e.g. that of a fake server.
    * `timeouts`, `retry`, `limits`: see `Timeouts`, `RetryPolicy` and `Limits`.
    * `session`: an aiohttp.ClientSession to send the requests with. It is never closed, and it
      brings its own proxy, certificates and trust_env.
    * `proxy`, `ssl_context` (for an own CA), `trust_env`: how to reach Roistat without a session.
      Certificates are always checked.
    * `hooks`: functions called for each request, response and retry, see `Hooks`.
    * `clock`: time, sleep and random numbers, to be replaced in tests.
    * `transport`: sends the requests in another way, see `roistat_async.transport.interface`. It
      replaces `session`, `proxy`, `ssl_context`, `trust_env` and `timeouts`.

    Raises ConfigurationError if an argument is invalid.
    """

    calls: Calls
    """List and history of calls, recordings, export; create, update and delete."""
    phones: Phones
    """List, create, update, delete and buy phone numbers."""
    scripts: Scripts
    """List, create, update and delete call-tracking scripts."""
    analytics: Analytics
    """Calls summed up by hour, weekday, day, channel and region."""
    projects: Projects
    """List of the projects that the key opens."""

    @hides_arguments
    def __init__(
        self,
        api_key: str,
        project: int | str | None = None,
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
        transport: Transport | None = None,
    ) -> None:
        has_network_options = proxy is not None or ssl_context is not None or trust_env
        if session is not None and has_network_options:
            raise ConfigurationError(
                "set proxy, ssl_context and trust_env on the session, or pass no session"
            )
        if transport is not None and (session is not None or has_network_options):
            raise ConfigurationError(
                "a transport sends the requests itself: pass no session, proxy, ssl_context or "
                "trust_env with it"
            )
        config = Config(
            key=Secret(api_key),
            project=None if project is None else parse_project(project),
            base_url=validate_base_url(base_url),
            timeouts=timeouts or Timeouts(),
            retry=retry or RetryPolicy(),
            limits=limits or Limits(),
        )
        if transport is None:
            network = NetworkOptions(proxy, ssl_context, trust_env).for_url(config.base_url)
            headers = request.DEFAULT_HEADERS
            transport = HttpTransport(config.timeouts, network, session, headers=headers)
        clock = clock or Clock()
        hooks = Hooks() if hooks is None else hooks
        limiter = RateLimiter(config.limits, clock, config.project)
        bandwidth = BandwidthLimiter.of(config.limits, clock)
        budget = RetryBudget()
        self._use(ProjectApi(config, transport, limiter, clock, budget, hooks, bandwidth))

    @classmethod
    @hides_arguments
    def from_env(
        cls, environ: Mapping[str, str] | None = None, **options: Unpack[ClientOptions]
    ) -> Self:
        """Return a client configured by ROISTAT_API_KEY, ROISTAT_PROJECT and ROISTAT_BASE_URL.

        ROISTAT_API_KEY_FILE, the path of a file with the key, may take the place of the first.
        `options` are the keyword arguments of `Roistat`; they override the environment, so that
        `from_env(project=None)` needs no ROISTAT_PROJECT.
        """
        return cls(**read_environment(environ, overrides=options), **options)

    def for_project(self, project: int | str, *, limits: Limits | None = None) -> Self:
        """Return a client for another project that shares the API key and the connections.

        Each project has limits of its own. Closing this client closes no connection; the client
        that it came from does.
        """
        shared = self._api.config
        chosen = shared.limits if limits is None else limits
        config = evolve(shared, project=parse_project(project), limits=chosen)
        limiter = RateLimiter(chosen, self.clock, config.project)
        api = evolve(self._api, config=config, rate_limiter=limiter)
        if limits is not None:
            api = evolve(api, bandwidth=BandwidthLimiter.of(limits, self.clock))
        return self._sharing_connections(api)

    def with_options(
        self,
        *,
        retry: RetryPolicy | None = None,
        when_exhausted: Literal["raise", "wait"] | None = None,
    ) -> Self:
        """Return a client of the same project, connections and limits with another patience.

            retry = RetryPolicy(max_attempts=12)
            patient = roistat.with_options(retry=retry, when_exhausted="wait")

        `retry` replaces the policy, `when_exhausted` that of `Limits`. Closing this client closes
        no connection; the client that it came from does.
        """
        shared = self._api.config
        limits = evolve(
            shared.limits, when_exhausted=when_exhausted or shared.limits.when_exhausted
        )
        config = evolve(shared, retry=retry or shared.retry, limits=limits)
        return self._sharing_connections(evolve(self._api, config=config))

    @property
    def project(self) -> int:
        """Number of the project. Raises ConfigurationError if the client has none."""
        return require_project(self._api.config)

    @property
    def base_url(self) -> str:
        """Address of the API, without a trailing slash."""
        return self._api.config.base_url

    @property
    def clock(self) -> Clock:
        """Clock that all delays and timings use."""
        return self._api.clock

    @property
    def requests_left(self) -> int | None:
        """Requests left this hour, counting only those sent by this client.

        Those of the clients that share `Limits.shared_file` count too. None if `Limits.per_hour`
        is None.
        """
        return self._api.rate_limiter.remaining_this_hour

    @overload
    async def resolve(self, error: OutcomeUnknownError, model: type[Script]) -> Script | None: ...
    @overload
    async def resolve(self, error: OutcomeUnknownError, model: type[Call]) -> Call | None: ...
    @overload
    async def resolve(
        self, error: OutcomeUnknownError, model: type[Phone]
    ) -> Sequence[Phone] | None: ...
    @overload
    async def resolve(
        self, error: OutcomeUnknownError, model: None = None
    ) -> Script | Call | Sequence[Phone] | None: ...
    async def resolve(
        self,
        error: OutcomeUnknownError,
        model: type[Script] | type[Call] | type[Phone] | None = None,
    ) -> Script | Call | Sequence[Phone] | None:
        """Return the record that a create without a response made, or None if there is none yet.

            except errors.OutcomeUnknownError as error:
                script = await roistat.resolve(error, Script)

        Only lists are requested; nothing is created. None is no proof: the record may appear
        later, so wait before you create it again. `model` (Script, Phone or Call) is what was to
        be created; it gives the result its type. After `phones.create` the result is a list.

        Raises RoistatError if several records match, and ConfigurationError if the error cannot
        be resolved: it was pickled, comes from another project, is not about a create of `model`,
        or is about an update, a delete or `phones.buy`.
        """
        if error.lookup is None:
            raise ConfigurationError(
                "this error cannot be resolved: it was pickled, or it is not about a create of "
                "scripts, phones or calls. Check the list yourself"
            )
        if error.project != self.project:  # this project's lists would not show the record
            raise ConfigurationError(
                f"the error comes from project {error.project}: resolve it with the client of "
                "that project"
            )
        created = _MODELS[error.operation]
        if model not in (None, created):
            raise ConfigurationError(
                f"the error is about {error.operation}: pass {created.__name__} as model"
            )
        record: Script | Call | Sequence[Phone] | None = await error.lookup(self._api)
        return record

    async def close(self) -> None:
        """Close the connections of this client; a session that was passed in stays open."""
        if self._owns_connections:
            await self._api.transport.close()

    async def __aenter__(self) -> Self:
        self._api.transport.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        if not hasattr(self, "_api"):  # an error reporter prints the frame of a failed __init__
            return "Roistat(incomplete)"
        return f"Roistat(project={self._api.config.project}, base_url={self.base_url!r})"

    def __reduce__(self) -> Any:
        raise RoistatError("a client cannot be pickled: open one in each process")

    def _sharing_connections(self, api: ProjectApi) -> Self:
        other = type(self).__new__(type(self))
        other._use(api, owns_connections=False)
        return other

    def _use(self, api: ProjectApi, *, owns_connections: bool = True) -> None:
        self._api = api
        self._owns_connections = owns_connections
        self.calls = Calls(api)
        self.phones = Phones(api)
        self.scripts = Scripts(api)
        self.analytics = Analytics(api)
        self.projects = Projects(api)
