"""What staff choose for a store: fields, categories, specification names, order settings."""
