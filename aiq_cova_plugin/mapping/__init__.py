"""Translation between COVA's words and the shop's: pure functions, one file per thing."""
