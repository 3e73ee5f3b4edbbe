"""What `celery -A tests.integration.scheduling.celery_app:celery_app` runs in the tests.

The shop's settings come as JSON in the environment, as a host's would come from its own.
"""

from __future__ import annotations

import json
import os

from aiq_cova_plugin.scheduling.celery_tasks import create_celery

from tests.support.shop import Shop

_told = json.loads(os.environ["TEST_SHOP"])
shop = Shop(_told["database_url"], **_told["config"])
celery_app = create_celery(shop.app)
