"""The web server: one process that starts and watches, and several that answer on one listening socket."""
