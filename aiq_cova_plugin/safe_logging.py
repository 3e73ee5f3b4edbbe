"""What our log records may carry of an exception: where it happened and its kind, no one's data.

An exception's text is often somebody's data: a driver repeats the row it could not write, a
shop's own code names the customer. So the text is kept only where it is ours.
"""

from __future__ import annotations

import logging
from types import TracebackType

from aiq_cova_plugin.errors import CovaPluginError
from aiq_cova_plugin.redaction import safe_reason

_OURS = __name__.partition(".")[0]
_LONGEST_CHAIN = 10
_TROUBLE_OF_THE_DATABASE = frozenset({"OperationalError", "ProgrammingError", "InterfaceError"})
"""SQLAlchemy's kinds whose text is about the database, and not about a row."""


class SafeTracebacks(logging.Filter):
    """Puts in place of a record's exception one of the same kind and traceback, without its text."""

    def filter(self, record: logging.LogRecord) -> bool:
        exception = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        if exception is not None:
            safe = told_safely(exception)
            record.exc_info = (type(safe), safe, safe.__traceback__)
        return True


class HideQueries(logging.Filter):
    """Takes the query out of the addresses urllib3 logs: we search customers in one."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                f"{each.partition('?')[0]}?[hidden]"
                if isinstance(each, str) and "Criteria" in each
                else each
                for each in record.args
            )
        return True


def told_safely(exception: BaseException, *, depth: int = 0) -> BaseException:
    """An exception of the same name and traceback, whose text may be logged."""
    kind = type(exception)
    safe_kind = type(kind.__name__, (Exception,), {"__module__": kind.__module__})
    safe: BaseException = safe_kind(_text_of(exception))
    safe.__traceback__ = exception.__traceback__
    if depth < _LONGEST_CHAIN:
        if exception.__cause__ is not None:
            safe.__cause__ = told_safely(exception.__cause__, depth=depth + 1)
        elif exception.__context__ is not None and not exception.__suppress_context__:
            safe.__context__ = told_safely(exception.__context__, depth=depth + 1)
    safe.__suppress_context__ = exception.__suppress_context__
    return safe


def _text_of(exception: BaseException) -> str:
    if isinstance(exception, CovaPluginError) or _is_ours(exception.__traceback__):
        return safe_reason(str(exception))
    driver_error = getattr(exception, "orig", None)
    if driver_error is not None and type(exception).__name__ in _TROUBLE_OF_THE_DATABASE:
        return safe_reason(str(driver_error))
    return "(its text is left out: it may hold somebody's data)"


def _is_ours(traceback: TracebackType | None) -> bool:
    """Was it raised by a line of this package, and not by the shop or a library?"""
    if traceback is None:
        return False
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    module = str(traceback.tb_frame.f_globals.get("__name__", ""))
    return module.partition(".")[0] == _OURS and not module.startswith(f"{_OURS}.demo")


def quieten() -> None:
    """Keep personal data out of our own log records, and out of urllib3's on our behalf."""
    _add(logging.getLogger(_OURS), SafeTracebacks())
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if name.startswith(f"{_OURS}.") and isinstance(logger, logging.Logger):
            _add(logger, SafeTracebacks())
    _add(logging.getLogger("urllib3.connectionpool"), HideQueries())


def _add(logger: logging.Logger, wanted: logging.Filter) -> None:
    if not any(isinstance(each, type(wanted)) for each in logger.filters):
        logger.addFilter(wanted)
