"""The servers in Python that Payvand is measured against. uvicorn runs them; each reads DATABASE_URL."""
