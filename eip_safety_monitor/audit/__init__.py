"""The audit log: append-only, hash-chained, on disk before an effect."""
