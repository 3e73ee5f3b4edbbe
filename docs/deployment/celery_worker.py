"""What `celery -A celery_worker:celery_app` starts; lies beside `myshop`."""

from myshop import create_app

from aiq_cova_plugin.scheduling.celery_tasks import create_celery

celery_app = create_celery(create_app())  # the broker stands in app.config["CELERY"]
