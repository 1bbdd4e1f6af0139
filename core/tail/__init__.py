"""Everything that happened, in order, for whoever reads on from a position of its own: consumers of plugins, and subscriptions."""
