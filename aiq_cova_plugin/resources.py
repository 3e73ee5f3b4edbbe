"""Finds the folders `templates/` and `static/`, however the plugin was installed.

In a wheel they lie inside the package; in a checkout or an editable install, beside it.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def asset_dir(name: str) -> Path:
    """The absolute path of our `templates` or `static` folder.

    Everything we ship lies in its subfolder `cova/`. Asking for that subfolder keeps a stray
    `site-packages/templates` of another distribution from being taken for ours.

    Raises RuntimeError when the installation lacks the folder.
    """
    for parent in (_PACKAGE, _PACKAGE.parent):
        if (parent / name / "cova").is_dir():
            return parent / name
    raise RuntimeError(
        f"aiq_cova_plugin is installed without its {name}/ files. Install it again from a wheel "
        "or from a complete checkout."
    )
