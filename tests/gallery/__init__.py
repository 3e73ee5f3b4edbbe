"""Every page of the plugin in every state, for looking at and for checking."""
