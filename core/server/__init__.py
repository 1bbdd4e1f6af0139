"""The process that serves: the app, its requests, its health."""
