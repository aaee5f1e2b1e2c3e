"""What was already computed."""
