"""The named signals in both directions (contract section 3).

They are blinker's *named* signals, so a host needs no import of this package. The sender is
always the Flask app.
"""

from __future__ import annotations

from blinker import signal

# The host sends these; keywords store_id, order_id.
order_placed = signal("aiq.order-placed")
order_confirmed = signal("aiq.order-confirmed")
order_cancelled = signal("aiq.order-cancelled")

# The plugin sends these.
catalog_synced = signal("cova.catalog-synced")
order_pushed = signal("cova.order-pushed")
order_status_changed = signal("cova.order-status-changed")
order_needs_attention = signal("cova.order-needs-attention")
alert_raised = signal("cova.alert-raised")
alert_resolved = signal("cova.alert-resolved")
