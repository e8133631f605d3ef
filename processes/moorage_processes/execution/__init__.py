"""One request: inputs in, function called, outputs out."""
