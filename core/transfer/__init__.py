"""Import and export: any resource as CSV or as JSON lines, in and out, in constant memory."""
