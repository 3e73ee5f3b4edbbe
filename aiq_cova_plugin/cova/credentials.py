"""Who logs in to COVA, and for which company and location."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiq_cova_plugin.domain.secret_text import SecretText


@dataclass(frozen=True)
class CovaCredentials:
    """The six fields of COVA's onboarding package and the integrator id.

    The `repr` shows the two numbers only. `integrator_id` is None where orders are not pushed.
    """

    company_id: int
    location_id: int
    username: str = field(repr=False)
    password: str = field(repr=False)
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    integrator_id: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        # Wherever they travel from here, no repr shows them.
        object.__setattr__(self, "password", SecretText(self.password))
        object.__setattr__(self, "client_secret", SecretText(self.client_secret))

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that must never appear in a message."""
        return (self.password, self.client_secret)
