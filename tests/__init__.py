"""The tests of aiq_cova_plugin. A regular package, so that no other `tests` can take its name."""
