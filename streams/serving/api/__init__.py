"""The API: REST with OpenAPI and a live stream, out of the view and the log alone."""
