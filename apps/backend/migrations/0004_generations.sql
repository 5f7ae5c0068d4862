-- Generations of status lists: every list whose number is below `first_list` belongs to an earlier one, and all its
-- sessions have ended, also those that this database has never heard of. A restored backup begins a new generation.
ALTER TABLE revocation_counter ADD COLUMN first_list BIGINT NOT NULL DEFAULT 0;
-- The version of the lists of earlier generations: higher than any that was published before.
ALTER TABLE revocation_counter ADD COLUMN first_version BIGINT NOT NULL DEFAULT 0;
