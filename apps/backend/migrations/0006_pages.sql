-- Who is signed in to the hosted pages: a cookie that names a session.

CREATE TABLE browser_sessions (
    -- SHA-256 of the cookie; the cookie itself is stored nowhere.
    hash       BYTEA PRIMARY KEY,
    session_id UUID NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    -- When it ends unless it is used before.
    expires_at BIGINT NOT NULL
);

CREATE INDEX browser_sessions_by_session ON browser_sessions (session_id);
CREATE INDEX browser_sessions_by_end ON browser_sessions (expires_at);
