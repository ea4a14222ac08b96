"""`kamscript check` beside the started daemon."""
