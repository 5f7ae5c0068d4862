-- That a mail was owed to somebody, as long as limits count it. It outlives the mail and the account: whoever deletes an
-- account and makes it again finds the same limits.

CREATE TABLE mail_marks (
    id         UUID PRIMARY KEY,
    -- SHA-256 of the folded address. Who it is, only somebody can tell who knows the address already.
    recipient  BYTEA NOT NULL,
    purpose    TEXT NOT NULL,
    -- SHA-256 of the recipient and of the network that asked for it; none for a notice.
    asker      BYTEA,
    -- When it leaves, or left.
    counted_at BIGINT NOT NULL
);

CREATE INDEX mail_marks_by_recipient ON mail_marks (recipient, counted_at);
CREATE INDEX mail_marks_by_time ON mail_marks (counted_at);

-- When the last failure of an account is forgiven: each moves it on, as far as the next one is from the one before. The
-- failures that count are those that are not forgiven yet.
ALTER TABLE accounts ADD COLUMN failures_until BIGINT;
