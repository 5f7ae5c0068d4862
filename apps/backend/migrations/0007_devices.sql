-- Devices that an account signed in from: browsers by a cookie, other clients by their network and what they say they are.

CREATE TABLE known_devices (
    account_id UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- SHA-256 over the account and what the device is recognised by. It tells neither, and differs for each account.
    hash       BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, hash)
);

CREATE INDEX known_devices_by_end ON known_devices (expires_at);
