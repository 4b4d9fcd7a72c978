"""The Lambda handlers: each decorates, parses, calls one function and maps the result."""
