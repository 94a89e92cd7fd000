"""The audit trail: a hash chain over the record, its check, proofs of single events, and the removal of content."""
