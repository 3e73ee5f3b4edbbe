"""Values in, words out: what the pages say, and times in the store's zone."""
