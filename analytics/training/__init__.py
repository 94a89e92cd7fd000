"""How the packaged models are made from labelled public data."""
