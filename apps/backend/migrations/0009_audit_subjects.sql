-- A pseudonym is a commitment to its account, with this salt: it cannot be given to another account. None for those that
-- an earlier version made.
ALTER TABLE audit_subjects ADD COLUMN salt BYTEA;
