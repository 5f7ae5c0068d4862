-- Mailed links that `email_proofs` and `registrations` hold no more, until they would have ended anyway: whoever opens one is
-- told what became of it.

CREATE TABLE former_links (
    -- SHA-256 of the link's token.
    link_hash  BYTEA PRIMARY KEY,
    purpose    TEXT NOT NULL,
    -- The address that the mail went to.
    email      TEXT NOT NULL,
    email_key  TEXT NOT NULL,
    -- The account that it was for. None: a sign-up that waits.
    account_id UUID REFERENCES accounts (id) ON DELETE CASCADE,
    -- replaced: a newer one came. used: it, or a newer one, has done what it was for.
    became     TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX former_links_by_account ON former_links (account_id, purpose);
CREATE INDEX former_links_by_email ON former_links (email_key, purpose);
CREATE INDEX former_links_by_end ON former_links (expires_at);
