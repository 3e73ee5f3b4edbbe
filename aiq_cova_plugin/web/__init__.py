"""The staff pages: an HTMX back office that shows what the services know and calls what they do.

`blueprint.py` is the table of contents, `pages/` has a module for each page, `words/` what the pages
say. A view checks access, reads the form, calls one service and renders; nothing is decided here.
"""
