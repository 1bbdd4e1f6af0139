"""The bundled plugins; each is a folder and imports nothing but the core and itself."""
