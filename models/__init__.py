"""What things are: events, their wire dialects, and the tables that insights are written to."""
