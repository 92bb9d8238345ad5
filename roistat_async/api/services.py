"""What the requests of one project share."""

from __future__ import annotations

from attrs import field, frozen

from ..clock import Clock
from ..config import Config
from ..hooks import Hooks
from ..transport.bandwidth import BandwidthLimiter
from ..transport.interface import Transport
from ..transport.rate_limiter import RateLimiter
from ..transport.retry import RetryBudget
from ..validation import instance_of


@frozen(eq=False)
class Services:
    """Settings, transport, limits and hooks that the requests of one project share."""

    config: Config
    transport: Transport
    rate_limiter: RateLimiter
    clock: Clock
    budget: RetryBudget
    hooks: Hooks = field(factory=Hooks, validator=instance_of(Hooks))
    bandwidth: BandwidthLimiter | None = None
