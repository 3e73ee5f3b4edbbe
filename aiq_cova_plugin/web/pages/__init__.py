"""A module for each page: checks access, reads the form, calls one service, renders."""
