"""`flask cova rotate-secrets`, `prune`, `support-bundle`, `tick`: keep it running."""

from __future__ import annotations

import json

from aiq_cova_plugin.cli.group import command, cova, show
from aiq_cova_plugin.services.connection.rotate_secrets import rotate_secrets
from aiq_cova_plugin.services.run_due import run_everything_due
from aiq_cova_plugin.services.upkeep import prune as pruning
from aiq_cova_plugin.services.watch.support_bundle import support_bundle
from aiq_cova_plugin.wiring import current_services


@command(cova, "rotate-secrets")
def rotate() -> None:
    """Encrypt everything stored with the first of COVA_SECRET_KEYS."""
    done = rotate_secrets(current_services(), by="the command line")
    show(dict(done), f"Re-encrypted {done['secrets']} secrets. The old key may go now.")


@command(cova, "prune")
def prune() -> None:
    """Delete what is old and finished, as retention says."""
    gone = pruning.prune(current_services()).as_document()
    show(gone, "Deleted: " + ", ".join(f"{count} {name}" for name, count in gone.items()) + ".")


@command(cova, "support-bundle")
def bundle() -> None:
    """Print what somebody who helps needs to see; no secrets, no customers."""
    document = support_bundle(current_services())
    show(document, json.dumps(document, indent=2, ensure_ascii=False))


@command(cova, "tick")
def tick_once() -> None:
    """Do everything that is due now, once; for cron where no scheduler runs."""
    jobs = run_everything_due(current_services())
    show({"jobs": jobs}, f"{jobs} jobs were due.")
