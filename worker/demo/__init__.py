"""The sample workspace: six weeks of four agents, written by hand as screenplays and told in the true wire forms."""
