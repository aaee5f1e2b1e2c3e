"""Parts of the corpus, one module each: what they yield is `Example`."""
