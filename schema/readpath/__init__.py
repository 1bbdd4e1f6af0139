"""The compiled read path: a query is planned once, and answered by one SQL statement that returns the JSON of the answer."""
