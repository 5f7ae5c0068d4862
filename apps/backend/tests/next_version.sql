-- What a further version might add: src/migrations.rs says how tests become that version. As every migration, it only adds,
-- so that the version before it runs on the new schema.

ALTER TABLE accounts ADD COLUMN display_name TEXT;
ALTER TABLE sessions ADD COLUMN label TEXT NOT NULL DEFAULT '';

CREATE INDEX accounts_by_display_name ON accounts (display_name) WHERE display_name IS NOT NULL;

CREATE TABLE passkeys (
    id         UUID PRIMARY KEY,
    account_id UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    public_key BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX passkeys_by_account ON passkeys (account_id);
