-- Mail that is owed. A row says why and to whom, never a link or a code: those are made when the mail is sent.

CREATE TABLE outbox (
    id            UUID PRIMARY KEY,
    purpose       TEXT NOT NULL,
    recipient     TEXT NOT NULL,
    -- The address folded to one spelling. It need not be an account's: whoever asks is not told.
    recipient_key TEXT NOT NULL,
    language      TEXT NOT NULL,
    -- JSON: what the mail tells beside its purpose. Never a secret.
    particulars   TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    -- Not tried before. Whoever tries moves it ahead first, so that of several nodes one does.
    due_at        BIGINT NOT NULL,
    -- Not tried after: what it tells would be of no use any more.
    expires_at    BIGINT NOT NULL,
    attempts      BIGINT NOT NULL,
    -- sent, dropped (there was nobody to write to), expired or refused; none as long as it is owed.
    outcome       TEXT,
    ended_at      BIGINT,
    -- Why the last attempt failed.
    failure       TEXT
);

CREATE INDEX outbox_due ON outbox (due_at) WHERE ended_at IS NULL;
CREATE INDEX outbox_ended ON outbox (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX outbox_by_recipient ON outbox (recipient_key, created_at);

-- What the newest mail of each kind can prove: that its reader holds the address.
CREATE TABLE email_proofs (
    account_id         UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    purpose            TEXT NOT NULL,
    -- The address that the mail went to.
    email              TEXT NOT NULL,
    email_key          TEXT NOT NULL,
    -- SHA-256 of the link's token.
    link_hash          BYTEA NOT NULL UNIQUE,
    -- Argon2id of the six digits: there are too few of them for anything quicker.
    code_hash          TEXT NOT NULL,
    -- The account's version when the mail was sent; in any other the proof is void.
    credential_version BIGINT NOT NULL,
    created_at         BIGINT NOT NULL,
    link_expires_at    BIGINT NOT NULL,
    code_expires_at    BIGINT NOT NULL,
    -- Guesses at this code.
    code_attempts      BIGINT NOT NULL,
    -- Guesses at this and at earlier codes, since the address was last proven.
    all_attempts       BIGINT NOT NULL,
    spent_at           BIGINT,
    PRIMARY KEY (account_id, purpose)
);

CREATE INDEX email_proofs_by_email ON email_proofs (email_key, purpose, created_at);
CREATE INDEX email_proofs_by_end ON email_proofs (link_expires_at);
