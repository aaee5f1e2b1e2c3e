"""Is this safe? Rules and a model judge; a policy joins them."""
