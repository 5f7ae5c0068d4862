-- Token Status Lists: each session owns one bit of one list.

CREATE TABLE status_lists (
    number          BIGINT PRIMARY KEY,
    -- How many bits it has.
    entries         BIGINT NOT NULL,
    -- How many of them were handed out to servers, which hand them on to sessions. None is used twice.
    reserved        BIGINT NOT NULL,
    -- Mixes the order of the bits, so that an index tells nothing about when a session was opened.
    permutation_key BYTEA NOT NULL,
    -- The number of the last revocation in it.
    version         BIGINT NOT NULL,
    -- No token that names this list lives longer.
    needed_until    BIGINT NOT NULL
);

-- The bits that are set. No reference to accounts or sessions: deleting them must not give their tokens back.
CREATE TABLE revocations (
    list       BIGINT NOT NULL,
    idx        BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL,
    -- Given after the revocation was committed, in the order of commits, so that no reader skips one.
    number     BIGINT,
    PRIMARY KEY (list, idx)
);

CREATE INDEX revocations_by_number ON revocations (number);
CREATE INDEX revocations_without_number ON revocations (list) WHERE number IS NULL;

-- The last number that was given. One row.
CREATE TABLE revocation_counter (
    id     BIGINT PRIMARY KEY,
    number BIGINT NOT NULL
);

INSERT INTO revocation_counter (id, number) VALUES (1, 0);

-- None for sessions that an earlier version opened.
ALTER TABLE sessions ADD COLUMN status_list BIGINT;
ALTER TABLE sessions ADD COLUMN status_idx BIGINT;
