"""What all schemas share: one reading that is quick, and one that is careful.

`quick` reads a record by its fields without marshmallow's bookkeeping and gives up at the
first surprise; then `gather` has marshmallow go through all of it, name every fault and keep
what is good. Both use the same fields, so they cannot disagree. A recorded product takes
about 0.04 ms that way, which is what a first sync of a large menu waits for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from marshmallow import EXCLUDE, Schema, ValidationError, post_dump, pre_load

from aiq_cova_plugin.errors import ContractBroken
from aiq_cova_plugin.schemas.fields import CovaField, ListOf

R = TypeVar("R")
Problem = tuple[str, str]
"""(where, why): COVA's key with its path, such as `Prices[2].Price`, and a reason."""


class RecordSchema(Schema, Generic[R]):
    """Loads COVA's JSON into one kind of record and dumps it back.

    Subclasses set `record`, the record's class, and `noun` for messages. With `any_case`,
    keys are matched without regard to case (order replies, section 9.2).
    """

    record: ClassVar[Callable[..., Any]]
    noun: ClassVar[str] = "an answer"
    any_case: ClassVar[bool] = False

    class Meta:
        unknown = EXCLUDE

    def __init__(self) -> None:
        super().__init__()
        plan: list[tuple[str, str, Callable[[Any], Any]]] = []
        for name, each in self.fields.items():
            if isinstance(each, CovaField):
                plan.append((name, each.data_key or name, each.read))
        self._plan = plan
        self._canonical = {key.lower(): key for _, key, _ in plan}

    def quick(self, raw: Any) -> R:
        """The record, when every field can be read; raises ValueError otherwise."""
        if not isinstance(raw, Mapping):
            raise ValueError("is not an object")
        if self.any_case:
            raw = self._with_canonical_keys(raw)
        get = raw.get
        made: R = self.record(**{name: read(get(key)) for name, key, read in self._plan})
        return made

    def gather(self, raw: Any) -> tuple[R, tuple[Problem, ...]]:
        """The record and what had to be set aside.

        Raises ContractBroken when `raw` is no object or a vital field cannot be read.
        """
        try:
            return self.quick(raw), ()
        except ValueError:
            pass
        if not isinstance(raw, Mapping):
            raise ContractBroken(f"COVA sent {self.noun} that is not an object.")
        try:
            return self.record(**self.load(dict(raw))), ()
        except ValidationError as exc:
            messages = exc.messages_dict
            self._refuse_without_vital_fields(raw, messages)
            values = dict(exc.valid_data) if isinstance(exc.valid_data, dict) else {}
            self._set_aside(values, messages)
            return self.record(**values), tuple(_flattened(messages))

    def read(self, raw: Any) -> R:
        """The record; what can be set aside is, silently. Raises ContractBroken."""
        return self.gather(raw)[0]

    def label(self, raw: Mapping[str, Any]) -> str:
        """How a message names the thing."""
        del raw
        return self.noun

    @pre_load
    def _match_keys(self, raw: Any, **_: Any) -> Any:
        if self.any_case and isinstance(raw, Mapping):
            return self._with_canonical_keys(raw)
        return raw

    @post_dump
    def _leave_out_none(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """A value we do not have is not sent, so that COVA's default applies."""
        return {key: value for key, value in data.items() if value is not None}

    def _with_canonical_keys(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        canonical = self._canonical
        return {canonical.get(str(key).lower(), str(key)): value for key, value in raw.items()}

    def _refuse_without_vital_fields(
        self, raw: Mapping[str, Any], messages: dict[str, Any]
    ) -> None:
        for each in self.fields.values():
            key = each.data_key
            if isinstance(each, CovaField) and each.vital and key in messages:
                where, why = next(_flattened({key: messages[key]}))
                raise ContractBroken(
                    f"COVA sent {self.label(raw)} in a form that cannot be read: "
                    f"the field {where} {why}.",
                    field=key,
                )

    def _set_aside(self, values: dict[str, Any], messages: dict[str, Any]) -> None:
        for name, each in self.fields.items():
            if not isinstance(each, CovaField) or each.data_key not in messages:
                continue
            # Per-element messages mean that the value is a list, of which the good part is kept.
            is_list = isinstance(messages[each.data_key], dict)
            if isinstance(each, ListOf) and each.all_or_nothing:
                values[name] = each.nothing
            elif is_list:
                values.setdefault(name, ())
            else:
                values[name] = each.nothing


def _flattened(messages: Any, path: str = "") -> Iterator[Problem]:
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            step = f"[{key}]" if isinstance(key, int) else f".{key}" if path else str(key)
            yield from _flattened(inner, path + step)
    elif isinstance(messages, list):
        for reason in messages:
            yield path, str(reason)
    else:
        yield path, str(messages)
