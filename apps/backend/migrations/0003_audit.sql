-- The audit log can be proven whole: rows get a place and a hash when they are sealed, some seconds after they were
-- written. An earlier version that runs beside this one writes rows as before; they are sealed like all others.

-- The place in the sealed log, from 1 without a gap; none before the row is sealed.
ALTER TABLE audit_events ADD COLUMN seq BIGINT;
-- The pseudonym of the person, in place of `account_id` once the row is sealed.
ALTER TABLE audit_events ADD COLUMN subject UUID;
-- What is personal (address, user_agent) enters the hash as a salted commitment, so that it can be erased.
ALTER TABLE audit_events ADD COLUMN salt BYTEA;
ALTER TABLE audit_events ADD COLUMN particulars BYTEA;
-- The hash of the chain up to and with this row.
ALTER TABLE audit_events ADD COLUMN hash BYTEA;

CREATE UNIQUE INDEX audit_events_by_seq ON audit_events (seq);
CREATE INDEX audit_events_unsealed ON audit_events (id) WHERE seq IS NULL;
CREATE INDEX audit_events_by_subject ON audit_events (subject, at);

-- Who a pseudonym is. Without its row nobody can tell.
CREATE TABLE audit_subjects (
    pseudonym  UUID PRIMARY KEY,
    account_id UUID NOT NULL UNIQUE
);

-- Accounts that were deleted, and whose pseudonyms are still to be forgotten.
CREATE TABLE audit_erasures (
    account_id UUID PRIMARY KEY,
    asked_at   BIGINT NOT NULL
);

-- Signatures over the chain, each over all before it.
CREATE TABLE audit_checkpoints (
    -- The last place that it seals.
    seq       BIGINT PRIMARY KEY,
    token     TEXT NOT NULL,
    sealed_at BIGINT NOT NULL,
    -- When it was handed to the webhook.
    sent_at   BIGINT
);

CREATE INDEX audit_checkpoints_unsent ON audit_checkpoints (seq) WHERE sent_at IS NULL;

-- The end of the chain. One row.
CREATE TABLE audit_head (
    id              BIGINT PRIMARY KEY,
    -- Rises with each change: whoever writes says which one it saw, so that of several nodes one works at a time.
    revision        BIGINT NOT NULL,
    seq             BIGINT NOT NULL,
    -- The hash at `seq`; none while nothing is sealed.
    hash            BYTEA,
    -- Rows up to here are to be removed, because they are old.
    removed_through BIGINT NOT NULL
);

INSERT INTO audit_head (id, revision, seq, hash, removed_through) VALUES (1, 0, 0, NULL, 0);
