"""COVA's JSON in COVA's words: marshmallow schemas and the plain records they load."""
