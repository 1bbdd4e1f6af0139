"""The rules of the core's own records, beyond what their columns say."""
