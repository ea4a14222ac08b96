"""One running server without I/O: a message in, a route run, bytes out."""
