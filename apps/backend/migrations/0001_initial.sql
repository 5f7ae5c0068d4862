-- Times are milliseconds since the epoch, ids are UUIDs of version 7 made by the program.
-- Every statement runs unchanged on SQLite and PostgreSQL.

CREATE TABLE accounts (
    id                 UUID PRIMARY KEY,
    email              TEXT NOT NULL,
    -- The address folded to one spelling: two spellings of one address are one account.
    email_key          TEXT NOT NULL UNIQUE,
    email_verified_at  BIGINT,
    password_hash      TEXT NOT NULL,
    -- Rises with each change of the password: a sign-in that saw an older one opens no session.
    credential_version BIGINT NOT NULL,
    -- Rises when all sessions are to end: a session of an older epoch is dead, also one that is just being born.
    session_epoch      BIGINT NOT NULL,
    -- Wrong passwords in a row.
    failed_sign_ins    BIGINT NOT NULL,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL,
    last_sign_in_at    BIGINT,
    disabled_at        BIGINT
);

CREATE TABLE account_scopes (
    account_id UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    scope      TEXT NOT NULL,
    granted_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, scope)
);

-- A session is a family of refresh tokens.
CREATE TABLE sessions (
    id               UUID PRIMARY KEY,
    account_id       UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    epoch            BIGINT NOT NULL,
    client_id        TEXT NOT NULL,
    -- How its owner proved who they are (RFC 8176); empty for a session that the operator opened.
    amr              TEXT NOT NULL,
    scope            TEXT NOT NULL,
    user_agent       TEXT,
    address          TEXT,
    -- The network of the address, by which known places are recognised.
    address_prefix   TEXT,
    created_at       BIGINT NOT NULL,
    last_seen_at     BIGINT NOT NULL,
    -- The absolute end, however often it is refreshed.
    expires_at       BIGINT NOT NULL,
    revoked_at       BIGINT
);

CREATE INDEX sessions_by_account ON sessions (account_id, created_at);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE refresh_tokens (
    -- SHA-256 of the token; the token itself is stored nowhere.
    hash             BYTEA PRIMARY KEY,
    -- The token it succeeded; none for the first of its family.
    parent_hash      BYTEA,
    session_id       UUID NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    expires_at       BIGINT NOT NULL,
    spent_at         BIGINT,
    -- The successor, sealed under a key derived from this token. Wiped when it is used or the replay window ends.
    sealed_successor BYTEA
);

CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_by_end ON refresh_tokens (expires_at);
CREATE INDEX refresh_tokens_sealed ON refresh_tokens (spent_at) WHERE sealed_successor IS NOT NULL;

-- Every key that ever signed here, and how long its tokens may live: a key is never forgotten before them.
CREATE TABLE signing_keys (
    kid               TEXT PRIMARY KEY,
    first_seen_at     BIGINT NOT NULL,
    last_expires_at   BIGINT NOT NULL,
    -- Taken out in an emergency: no token of it is accepted any more.
    revoked_at        BIGINT
);

CREATE TABLE audit_events (
    id         UUID PRIMARY KEY,
    at         BIGINT NOT NULL,
    kind       TEXT NOT NULL,
    outcome    TEXT NOT NULL,
    actor      TEXT NOT NULL,
    -- No reference: what happened to an account outlives it.
    account_id UUID,
    session_id UUID,
    address    TEXT,
    user_agent TEXT,
    request_id TEXT NOT NULL,
    detail     TEXT
);

CREATE INDEX audit_events_by_account ON audit_events (account_id, at);
CREATE INDEX audit_events_by_time ON audit_events (at);
