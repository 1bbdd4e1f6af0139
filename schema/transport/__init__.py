"""GraphQL over HTTP and WebSocket, and GraphiQL for browsers."""
