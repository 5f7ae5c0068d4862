-- Guesses at what only the owner of an address knows, by address: the account may be deleted and made anew meanwhile.
CREATE TABLE guess_counts (
    -- SHA-256 of the address, folded to one spelling.
    subject    BYTEA NOT NULL,
    -- What was guessed at.
    purpose    TEXT NOT NULL,
    guesses    BIGINT NOT NULL,
    -- When nothing is counted by it any more: some time after the last guess.
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (subject, purpose)
);

CREATE INDEX guess_counts_by_end ON guess_counts (expires_at);

-- Where a refresh token was spent, as long as its successor may be shown again: a replay from elsewhere leaves a trace.
ALTER TABLE refresh_tokens ADD COLUMN spent_from TEXT;
ALTER TABLE refresh_tokens ADD COLUMN spent_with TEXT;
