"""The dashboard: pages over the insight tables, rendered on the server, readable without any script."""
