-- Mailed proofs are bound to who asked for them, and to the state of the account when they did.

-- The account's session epoch when the mail was asked for; in any other the proof is void. None: made by a version that
-- did not know, and void.
ALTER TABLE email_proofs ADD COLUMN session_epoch BIGINT;
-- SHA-256 of the handle (of the form cookie) of whoever asked: a code works only together with it.
ALTER TABLE email_proofs ADD COLUMN handle_hash BYTEA;
-- The session that asked for another email address. When it has ended, so has what it asked for.
ALTER TABLE email_proofs ADD COLUMN session_id UUID;

-- Sign-ups that wait for their mail to be confirmed, where addresses must be verified. There may be several for one
-- address; until one is confirmed, there is no account.
CREATE TABLE registrations (
    id              UUID PRIMARY KEY,
    email           TEXT NOT NULL,
    email_key       TEXT NOT NULL,
    -- A PHC string: of the password that the account gets if its owner confirms.
    password_hash   TEXT NOT NULL,
    -- SHA-256 of the handle (of the form cookie) of whoever signed up.
    handle_hash     BYTEA NOT NULL,
    created_at      BIGINT NOT NULL,
    -- When it is forgotten.
    expires_at      BIGINT NOT NULL,
    -- What its newest mail holds; nothing before it is sent.
    link_hash       BYTEA UNIQUE,
    code_hash       TEXT,
    link_expires_at BIGINT,
    code_expires_at BIGINT,
    -- Guesses at this code.
    code_attempts   BIGINT NOT NULL
);

CREATE INDEX registrations_by_email ON registrations (email_key, created_at);
CREATE INDEX registrations_by_end ON registrations (expires_at);
