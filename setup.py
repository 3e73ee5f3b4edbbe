"""How the distribution `aiq-cova-plugin` is built.

`templates/` and `static/` lie beside the package, where a Flask developer looks for them, and are
installed *inside* it as `aiq_cova_plugin.templates` and `aiq_cova_plugin.static`. At run time
`aiq_cova_plugin.resources` finds them in either place. Why it is done this way:
`docs/decisions/0001-packaging.md`.
"""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).resolve().parent

# Installed name of each folder that lies outside the package.
ASSETS = {
    "aiq_cova_plugin.templates": "templates",
    "aiq_cova_plugin.static": "static",
}

# Files inside the package that are not modules, listed by kind, so that a new template or a new
# migration ships without a change here. `versions/` has no __init__.py (Alembic loads its files by
# path), so its modules count as data too.
PACKAGE_DATA = [
    "py.typed",
    "store/migrations/*.py",
    "store/migrations/*.mako",
    "store/migrations/versions/*.py",
    *(
        f"{room}/**/*.{suffix}"
        for room in ("demo", "simulator", "testing")
        for suffix in ("html", "css", "js", "json", "svg", "png", "webp", "ico", "txt", "md")
    ),
]

# Lower bound: the oldest release we run against. Upper bound: the next release that may break us.
# Two have no near upper bound on purpose, because an old one is the greater danger: cryptography
# (security fixes arrive as new major versions) and tzdata (the version is a year).
INSTALL_REQUIRES = [
    "flask>=3.1,<4",
    "flask-sqlalchemy>=3.1.1,<4",
    "SQLAlchemy>=2.0,<2.2",
    "alembic>=1.13,<2",
    "flask-apscheduler>=1.13.1,<2",
    "htmx-flask>=0.1.0,<0.2",
    "flask-wtf>=1.2,<2",
    "requests>=2.32,<3",
    "urllib3>=2.2,<3",
    "marshmallow>=4.0,<5",
    "cryptography>=44,<60",
    "phonenumbers>=9.0,<10",
    "nh3>=0.3,<0.4",
    "tzdata>=2025.1",
    # They come with Flask and Flask-WTF; named because we import them ourselves.
    "blinker>=1.9,<2",
    "click>=8.1,<9",
    "jinja2>=3.1,<4",
    "markupsafe>=3.0,<4",
    "werkzeug>=3.1,<4",
    "wtforms>=3.1,<4",
]

CELERY = ["celery[redis]>=5.5,<6"]

POSTGRES = ["psycopg[binary]>=3.2,<4"]

# The demo shop runs on what the plugin itself needs. The extra stays, so that `.[demo]` keeps
# working on the day the shop needs more.
DEMO: list[str] = []

TEST = [
    "pytest>=9.0,<10",
    "pytest-flask>=1.3,<2",
    "pytest-randomly>=4.0,<6",
    "pytest-socket>=0.7,<0.9",
    "pytest-timeout>=2.4,<3",
    "pytest-xdist>=3.6,<4",
    "responses>=0.25.7,<0.27",
    "hypothesis>=6.130,<7",
    "time-machine>=2.16,<4",
    "playwright>=1.50,<2",
    "axe-playwright-python>=0.1.5,<0.2",
    # Flask-Migrate is what many hosts use; we test that the two live in peace.
    "flask-migrate>=4.1,<5",
    "build>=1.2,<2",
    # What most hosts serve with; several of its workers share one database in the tests.
    "gunicorn>=23,<28",
    "pyyaml>=6.0,<7",
]

DEV = [
    "ruff>=0.12,<0.18",
    "mypy>=1.16,<3",
    "import-linter>=2.4,<3",
    "pip-audit>=2.9,<3",
    "types-requests>=2.32",
    "types-PyYAML>=6.0",
]

# Apart from `dev`, so that `make test` does not install and audit what only `make mutants` needs.
MUTANTS = ["mutmut>=3.8,<4"]

setup(
    name="aiq-cova-plugin",
    version="0.1.0",
    description="Connects AIQ Ecommerce, a Flask shop for dispensaries, to the COVA point of sale.",
    long_description=(HERE / "README.md").read_text("utf-8")
    if (HERE / "README.md").exists()
    else "",
    long_description_content_type="text/markdown",
    author="The aiq_cova_plugin authors",
    license="MIT",
    license_files=["LICENSE"],
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Environment :: Web Environment",
        "Framework :: Flask",
        "Intended Audience :: Developers",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Office/Business :: Financial :: Point-Of-Sale",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    packages=[
        # Named by hand, so that an editable install knows the package from its first day on.
        "aiq_cova_plugin",
        *find_packages(include=["aiq_cova_plugin.*"]),
        *ASSETS,
    ],
    package_dir=ASSETS,
    package_data={
        "aiq_cova_plugin": PACKAGE_DATA,
        **{name: ["**/*"] for name in ASSETS},
    },
    include_package_data=False,
    zip_safe=False,
    install_requires=INSTALL_REQUIRES,
    extras_require={
        "demo": DEMO,
        "celery": CELERY,
        "postgres": POSTGRES,
        "test": TEST,
        "dev": DEV,
        "mutants": MUTANTS,
    },
    entry_points={
        "aiq_ecommerce.plugins": ["cova = aiq_cova_plugin:CovaPlugin"],
        "flask.commands": ["cova = aiq_cova_plugin.cli:cova"],
    },
)
