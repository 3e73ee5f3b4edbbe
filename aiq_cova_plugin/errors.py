"""Every failure of this package, sorted by what happens next.

The branch a failure is on decides what the caller does: ask a person, wait, look
the outcome up, show COVA's reason, or report a broken agreement. Nothing in the
package decides by the text of a message.
"""

from __future__ import annotations


class CovaPluginError(Exception):
    """Something went wrong, said in a sentence a shop's staff can act on.

    `message` says what happened, to which thing, and what to do; it never holds a
    secret or a shopper's data. `detail` is for developers (already redacted).
    `field` names the setting or form field at fault, `fix` the way out, and
    `request_id` is COVA's id of the call, where there was one.
    """

    def __init__(
        self,
        message: str,
        *,
        detail: str = "",
        field: str | None = None,
        fix: str = "",
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.field = field
        self.fix = fix
        self.request_id = request_id


class ConfigurationError(CovaPluginError):
    """A `COVA_*` key is missing or malformed; raised at start-up. `field` is the key."""


# --- a person must change something -------------------------------------------------


class NeedsOperator(CovaPluginError):
    """Waiting does not help: a person must change something. `field` names what."""


class UnknownStore(NeedsOperator):
    """The host knows no store with this id."""


class NotConnected(NeedsOperator):
    """The store has no COVA credentials yet, or is switched off."""


class MissingSetting(NeedsOperator):
    """A setting that this step needs is empty. `field` names it."""


class BadCredentials(NeedsOperator):
    """COVA refused the log-in. `field` is the settings field most likely at fault."""


class NotPermitted(NeedsOperator):
    """The log-in works, but the API user may not do this (COVA answers 403)."""


class MissingPhone(NeedsOperator):
    """An order has no usable phone number, so no customer can be found or created."""


class UnmappedProduct(NeedsOperator):
    """An order line, or the delivery fee, has no COVA product to go with."""


class AmbiguousCustomer(NeedsOperator):
    """Several COVA customers share the phone number.

    `candidates` say who they are, for the person who must choose: dicts with `id`, `name`,
    `email` and `date_of_birth`. They are personal data: store them encrypted, never log them.
    """

    def __init__(
        self, message: str, *, candidates: tuple[dict[str, str], ...], fix: str = ""
    ) -> None:
        super().__init__(message, fix=fix, field="customer")
        self.candidates = candidates


class SecretsUnreadable(NeedsOperator):
    """Stored secrets cannot be decrypted with the configured keys."""


class IllegalMove(NeedsOperator):
    """An order push cannot do this from the state it is in."""


# --- waiting helps -------------------------------------------------------------------


class Retryable(CovaPluginError):
    """Try again later; `retry_after` is COVA's wish in seconds, None when it had none."""

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        detail: str = "",
        fix: str = "",
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, detail=detail, fix=fix, request_id=request_id)
        self.retry_after = retry_after


class CovaUnavailable(Retryable):
    """COVA could not be reached or answered with a server error; nothing was changed."""


class RateLimited(Retryable):
    """COVA answered 429, or our own budget for this minute is used up."""


class LeaseHeld(Retryable):
    """Another worker is doing this very thing right now."""


# --- sent, no answer -----------------------------------------------------------------


class OutcomeUnknown(CovaPluginError):
    """The call left the house and no clear answer came back: look it up, do not resend.

    `status` is the HTTP status of an answer that was no clear one, None when none came.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        detail: str = "",
        fix: str = "",
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, detail=detail, fix=fix, request_id=request_id)
        self.status = status


# --- COVA said no --------------------------------------------------------------------


class Rejected(CovaPluginError):
    """COVA understood and refused. `reason` is COVA's own text, `status` the HTTP status."""

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        status: int | None = None,
        detail: str = "",
        field: str | None = None,
        fix: str = "",
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, detail=detail, field=field, fix=fix, request_id=request_id)
        self.reason = reason
        self.status = status


class NotFound(Rejected):
    """COVA does not know the thing that was asked for (404)."""


class VersionConflict(Rejected):
    """The record changed in COVA since it was read: read it again and decide anew."""


# --- the answer makes no sense -------------------------------------------------------


class ContractBroken(CovaPluginError):
    """COVA's answer has not the agreed shape (not JSON, a key of the wrong kind)."""
