"""Statistics behind metrics: pure functions of numbers, which know nothing of the database and of GraphQL."""
