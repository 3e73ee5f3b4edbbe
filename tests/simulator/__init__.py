"""The simulator's own tests: each section of `cova-api.md`, on both settings of its switches."""
