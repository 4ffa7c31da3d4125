"""Web sites that behave like the remote sources, served from this machine for tests."""
