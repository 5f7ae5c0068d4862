-- The schema. Every statement runs unchanged on SQLite and PostgreSQL.
--
-- Times are milliseconds since the epoch. Ids are UUIDs of version 7, made by the program. Each table belongs to one
-- feature (src/features); the headings name it.


-- accounts

CREATE TABLE accounts (
    id                 UUID PRIMARY KEY,
    email              TEXT NOT NULL,
    -- The email address folded to one spelling: all spellings of an address are one account.
    email_key          TEXT NOT NULL UNIQUE,
    email_verified_at  BIGINT,
    -- What the user says about themselves: NULL without a name, and a JSON object for the application.
    name               TEXT,
    metadata           TEXT NOT NULL,
    password_hash      TEXT NOT NULL,
    -- Rises with each change of the password or the email address: a sign-in that read an older version opens no session.
    credential_version BIGINT NOT NULL,
    -- Rises when all sessions end: a session of an older epoch is revoked, even one that is being opened.
    session_epoch      BIGINT NOT NULL,
    -- When the last failed sign-in is forgiven. Each failure moves it on; the failures that count are those not yet
    -- forgiven. NULL: none since the last sign-in.
    failures_until     BIGINT,
    last_sign_in_at    BIGINT,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL,
    disabled_at        BIGINT
);

CREATE TABLE account_scopes (
    account_id UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    scope      TEXT NOT NULL,
    granted_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, scope)
);


-- profiles

-- The standard claims of a user (OpenID Connect) that are not columns of accounts.
CREATE TABLE profiles (
    account_id        UUID PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    -- A JSON object.
    claims            TEXT NOT NULL,
    -- When the operator last said that the telephone number is the user's.
    phone_verified_at BIGINT,
    updated_at        BIGINT NOT NULL
);


-- devices

-- Devices that an account signed in from: a browser is recognized by a cookie, another client by its network and its user
-- agent.
CREATE TABLE known_devices (
    account_id UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- SHA-256 of the account and of what the device is recognized by. It reveals neither, and differs between accounts.
    hash       BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, hash)
);

CREATE INDEX known_devices_by_end ON known_devices (expires_at);


-- backchannel_logout

-- Grants that ended because their users signed out, and whose clients are to be told.
CREATE TABLE logout_notices (
    -- The grant: `sid` in its tokens. No reference: the grant may be deleted before.
    sid         UUID PRIMARY KEY,
    client_id   TEXT NOT NULL,
    -- The account: `sub`. NULL once the notice was given up.
    sub         UUID,
    created_at  BIGINT NOT NULL,
    -- The next attempt is not made before. A server first moves it on, so that only one of several nodes makes the attempt.
    due_at      BIGINT NOT NULL,
    -- No attempt is made after.
    expires_at  BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    -- Why the last attempt failed, and when it was given up. A delivered notice is removed.
    failure     TEXT,
    given_up_at BIGINT
);

CREATE INDEX logout_notices_due ON logout_notices (client_id, due_at) WHERE given_up_at IS NULL;
CREATE INDEX logout_notices_given_up ON logout_notices (given_up_at) WHERE given_up_at IS NOT NULL;


-- sessions

-- A session: one sign-in on one device, or a grant: what one client may do for a user. A refresh rewrites its row in place; no
-- index has a column that changes then.
CREATE TABLE sessions (
    id                 UUID PRIMARY KEY,
    account_id         UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- The session epoch of the account when the session was opened.
    epoch              BIGINT NOT NULL,
    -- 'countersign' for the sessions of our own API and pages; the client of a grant.
    client_id          TEXT NOT NULL,
    -- Of a grant: the browser session in which the user granted it. No reference: the grant may outlive that row.
    parent_id          UUID,
    -- The grant ends with the browser session.
    bound              BOOLEAN NOT NULL,
    -- When the user was authenticated, and how (RFC 8176), separated by spaces; empty for a session that the operator opened.
    auth_time          BIGINT NOT NULL,
    amr                TEXT NOT NULL,
    -- Of a grant: the grant type that it came from, the identifiers of its APIs, separated by spaces, and the `claims` of
    -- the authorization request, as JSON.
    grant_type         TEXT,
    resources          TEXT,
    claims             TEXT,
    -- Separated by spaces.
    scope              TEXT NOT NULL,
    user_agent         TEXT,
    -- The IP address that it was opened from, and the network of that, by which known places are recognized.
    address            TEXT,
    address_prefix     TEXT,
    -- Its bit: the number of a status list, and the index in it.
    status_list        BIGINT NOT NULL,
    status_idx         BIGINT NOT NULL,
    created_at         BIGINT NOT NULL,
    last_seen_at       BIGINT NOT NULL,
    -- The absolute end, however often it is refreshed.
    expires_at         BIGINT NOT NULL,
    revoked_at         BIGINT,
    -- SHA-256 of two secrets of its refresh token: the one that all tokens of the session share, and the current one. NULL:
    -- there is no refresh token, but a cookie of the hosted pages.
    family_hash        BYTEA,
    refresh_hash       BYTEA,
    -- When it can no longer be refreshed, unless it is before.
    refresh_expires_at BIGINT,
    -- The last rotation, NULL before the first: SHA-256 of the secret that was spent, when, and where from. The latter is a
    -- hash of the network and one of the device, keyed with that secret: only a request with the same token can be compared.
    previous_hash      BYTEA,
    rotated_at         BIGINT,
    rotated_from       BYTEA
);

CREATE INDEX sessions_by_account ON sessions (account_id, created_at);
CREATE INDEX sessions_by_end ON sessions (expires_at);
CREATE INDEX sessions_by_parent ON sessions (parent_id) WHERE parent_id IS NOT NULL;
-- Without those that have ended, of which an account may have thousands. Queries that use them repeat the conditions literally.
CREATE INDEX sessions_not_ended ON sessions (account_id, created_at) WHERE revoked_at IS NULL;
CREATE INDEX sessions_of_clients ON sessions (client_id, account_id, created_at)
    WHERE client_id <> 'countersign' AND revoked_at IS NULL;


-- browser_sessions

-- Browsers that are signed in: a cookie that names a session.
CREATE TABLE browser_sessions (
    -- SHA-256 of the cookie; the cookie itself is stored nowhere.
    hash       BYTEA PRIMARY KEY,
    session_id UUID NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    -- Where the cookie is valid: the issuer, for the pages and the API, or the origin of an application behind a proxy.
    origin     TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- When it ends unless it is used before.
    expires_at BIGINT NOT NULL
);

CREATE INDEX browser_sessions_by_session ON browser_sessions (session_id);
CREATE INDEX browser_sessions_by_end ON browser_sessions (expires_at);


-- forward

-- One-time codes that take a signed-in browser to the host of an application.
CREATE TABLE handoffs (
    -- SHA-256 of the code; the code itself is stored nowhere.
    hash       BYTEA PRIMARY KEY,
    session_id UUID NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    -- The only origin where the code is valid.
    origin     TEXT NOT NULL,
    -- SHA-256 of the secret in a cookie at that origin: the code is valid in the browser that asked for it.
    state_hash BYTEA NOT NULL,
    -- The page to open afterwards.
    url        TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX handoffs_by_session ON handoffs (session_id);
CREATE INDEX handoffs_by_end ON handoffs (expires_at);


-- authorization

-- Authorization requests of clients that a browser is answering. What they ask is stored, so that no form, cookie or URL
-- carries it.
CREATE TABLE authorization_requests (
    id           UUID PRIMARY KEY,
    client_id    TEXT NOT NULL,
    -- The checked request as JSON, never the query that it came in.
    request      TEXT NOT NULL,
    -- SHA-256 of the form cookie: only this browser may answer.
    browser_hash BYTEA NOT NULL,
    -- The session whose user is answering. What an earlier one answered does not count.
    session_id   UUID,
    -- What this session has answered: which account, the consent, and a click before going to a native application.
    chosen_at    BIGINT,
    consented_at BIGINT,
    clicked_at   BIGINT,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    -- When it was answered, by a code or an error.
    spent_at     BIGINT
);

CREATE INDEX authorization_requests_by_end ON authorization_requests (expires_at);

-- Authorization codes, with everything that they were issued for.
CREATE TABLE authorization_codes (
    -- SHA-256 of the code; the code itself is stored nowhere.
    hash         BYTEA PRIMARY KEY,
    client_id    TEXT NOT NULL,
    account_id   UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- The session of the browser.
    parent_id    UUID NOT NULL,
    redirect_uri TEXT NOT NULL,
    -- The PKCE challenge, of method S256. NULL: the request had none.
    challenge    TEXT,
    -- JSON: what the grant will be for, and the browser that it was given in.
    grant_of     TEXT NOT NULL,
    auth_time    BIGINT NOT NULL,
    amr          TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    spent_at     BIGINT,
    -- The grant that it became: presenting the code again ends it.
    session_id   UUID
);

CREATE INDEX authorization_codes_by_end ON authorization_codes (expires_at);
-- device_authorization

-- Requests of devices for access (RFC 8628). A device polls until the user has entered its code in a browser and decided.
CREATE TABLE device_codes (
    id             UUID PRIMARY KEY,
    -- SHA-256 of the code that the device polls with; the code itself is stored nowhere.
    hash           BYTEA NOT NULL UNIQUE,
    -- SHA-256 of the code that the user enters. Only 34 bits, but valid for ten minutes.
    user_code_hash BYTEA NOT NULL UNIQUE,
    client_id      TEXT NOT NULL,
    -- JSON: what the device asked for, by audience; once the user has decided, what the account can give of it.
    audiences      TEXT NOT NULL,
    -- Where the device asked from.
    user_agent     TEXT,
    address        TEXT,
    -- The account and the browser that entered the code first; NULL before. For all others, the code does not exist.
    account_id     UUID REFERENCES accounts (id) ON DELETE CASCADE,
    browser_hash   BYTEA,
    -- allowed or canceled; NULL until the user decides.
    decision       TEXT,
    -- Of the account and its browser session when the user decided: with any other epoch, the decision is void.
    epoch          BIGINT,
    auth_time      BIGINT,
    amr            TEXT,
    -- Of the client and of the consents (separated by spaces) at that time, to the same effect.
    client_epoch   UUID,
    consent_ids    TEXT,
    -- The last poll, NULL before the first, and the milliseconds that the device must wait between two.
    polled_at      BIGINT,
    wait_ms        BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    spent_at       BIGINT
);

CREATE INDEX device_codes_by_client ON device_codes (client_id, expires_at);
CREATE INDEX device_codes_by_account ON device_codes (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX device_codes_by_end ON device_codes (expires_at);


-- email_challenges

-- Sign-ups that wait for their email to be confirmed, where email addresses must be verified. There may be several for one
-- address; until one of them is confirmed, there is no account.
CREATE TABLE registrations (
    id            UUID PRIMARY KEY,
    email         TEXT NOT NULL,
    email_key     TEXT NOT NULL,
    -- Of the password that the account gets when the sign-up is confirmed.
    password_hash TEXT NOT NULL,
    -- Of the account that it becomes.
    name          TEXT,
    metadata      TEXT NOT NULL,
    -- SHA-256 of the handle (or of the form cookie) of the client that signed up.
    handle_hash   BYTEA NOT NULL,
    created_at    BIGINT NOT NULL,
    -- When the sign-up is removed.
    expires_at    BIGINT NOT NULL
);

CREATE INDEX registrations_by_email ON registrations (email_key, created_at);
CREATE INDEX registrations_by_end ON registrations (expires_at);

-- The link and the code of an email: who answers with either has shown that they read it. An account, or a sign-up, has one
-- for each purpose, and beside it those whose emails are being handed over to the mail server.
CREATE TABLE email_challenges (
    -- SHA-256 of the token in its link.
    link_hash          BYTEA PRIMARY KEY,
    -- Of the two, one is set.
    account_id         UUID REFERENCES accounts (id) ON DELETE CASCADE,
    registration_id    UUID REFERENCES registrations (id) ON DELETE CASCADE,
    purpose            TEXT NOT NULL,
    -- The email address that it is sent to.
    email              TEXT NOT NULL,
    email_key          TEXT NOT NULL,
    -- Argon2id of its six digits: there are too few of them for a faster hash.
    code_hash          TEXT NOT NULL,
    -- The versions of the account when the email was requested; with any other, the challenge is void. 0 for a sign-up.
    credential_version BIGINT NOT NULL,
    session_epoch      BIGINT NOT NULL,
    -- SHA-256 of the handle (or of the form cookie) of the client that requested it: the code works only together with it.
    -- NULL: only the account itself may answer with the code.
    handle_hash        BYTEA,
    -- The session that requested a change of the email address: the challenge ends with it.
    session_id         UUID,
    -- The version of the password that its requester had entered. NULL: none.
    password_version   BIGINT,
    -- Guesses at this code.
    code_attempts      BIGINT NOT NULL,
    -- Where its reader continues: a path on this server or a URL of an application, checked again whenever it is used.
    return_to          TEXT,
    created_at         BIGINT NOT NULL,
    link_expires_at    BIGINT NOT NULL,
    code_expires_at    BIGINT NOT NULL,
    -- When the mail server had taken the email, which ended the challenges before this one; NULL until then.
    sent_at            BIGINT,
    spent_at           BIGINT
);

CREATE INDEX email_challenges_by_account ON email_challenges (account_id, purpose);
CREATE INDEX email_challenges_by_registration ON email_challenges (registration_id);
CREATE INDEX email_challenges_by_email ON email_challenges (email_key, purpose, created_at);
CREATE INDEX email_challenges_by_end ON email_challenges (link_expires_at);

-- Mailed links that are no longer in `email_challenges`, until they would have expired: the page of such a link says what became
-- of it.
CREATE TABLE former_links (
    -- SHA-256 of the token in the link.
    link_hash  BYTEA PRIMARY KEY,
    purpose    TEXT NOT NULL,
    -- The email address that it was sent to.
    email      TEXT NOT NULL,
    email_key  TEXT NOT NULL,
    -- NULL: it belonged to a sign-up that waits.
    account_id UUID REFERENCES accounts (id) ON DELETE CASCADE,
    -- replaced: a newer link was sent. used: this link, or a newer one, has done what it was for.
    became     TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX former_links_by_account ON former_links (account_id, purpose);
CREATE INDEX former_links_by_email ON former_links (email_key, purpose);
CREATE INDEX former_links_by_end ON former_links (expires_at);


-- apis

-- APIs (resource servers) that clients may ask access to. At most 200, which are read together.
CREATE TABLE apis (
    -- The resource indicator (RFC 8707) as it was registered; `aud` of its tokens.
    identifier  TEXT PRIMARY KEY,
    -- operator: registered on the command line. file: an entry of [[apis]] in the settings file.
    origin      TEXT NOT NULL,
    -- JSON: name, scopes with their descriptions, other identifiers, which clients may ask access, the lifetime of tokens.
    metadata    TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    disabled_at BIGINT
);


-- clients

CREATE TABLE clients (
    client_id   TEXT PRIMARY KEY,
    -- operator: registered on the command line. file: an entry of [[clients]] in the settings file.
    origin      TEXT NOT NULL,
    -- Whether users are not asked for their consent.
    trusted     BOOLEAN NOT NULL,
    -- JSON: the metadata of RFC 7591 and our own.
    metadata    TEXT NOT NULL,
    -- The bit of the tokens that it gets for itself, without a user. NULL before the first, and after they were revoked.
    status_list BIGINT,
    status_idx  BIGINT,
    -- Replaced whenever it is disabled: codes that were issued before are void, also after it is enabled again.
    epoch       UUID NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    disabled_at BIGINT
);

-- A client has at most two: while one is replaced, both are valid.
CREATE TABLE client_secrets (
    id         UUID PRIMARY KEY,
    client_id  TEXT NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE,
    -- SHA-256 of the secret as the client sends it; the secret itself is stored nowhere.
    hash       BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    -- NULL: it does not expire.
    expires_at BIGINT
);

CREATE INDEX client_secrets_by_client ON client_secrets (client_id);


-- consents

-- What users have allowed clients. It outlives their sessions, until it is withdrawn.
CREATE TABLE consents (
    account_id UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    client_id  TEXT NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE,
    -- The API, or the endpoint for the claims of users.
    audience   TEXT NOT NULL,
    -- Another one after it was withdrawn: codes that were issued on the previous consent are void.
    id         UUID NOT NULL,
    -- Separated by spaces.
    scopes     TEXT NOT NULL,
    given_at   BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, client_id, audience)
);

CREATE INDEX consents_by_client ON consents (client_id);


-- guesses

-- Guesses at mailed codes, counted by email address: the account may be deleted and created again meanwhile.
CREATE TABLE guess_counts (
    -- SHA-256 of the email address, folded to one spelling.
    subject    BYTEA NOT NULL,
    -- The purpose of the code.
    purpose    TEXT NOT NULL,
    guesses    BIGINT NOT NULL,
    -- When the count is forgotten: some time after the last guess.
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (subject, purpose)
);

CREATE INDEX guess_counts_by_end ON guess_counts (expires_at);


-- outbox

-- Emails to be sent. A row has a purpose and a recipient, but no link and no code: those are made when the email is sent.
CREATE TABLE outbox (
    id            UUID PRIMARY KEY,
    purpose       TEXT NOT NULL,
    recipient     TEXT NOT NULL,
    -- The email address folded to one spelling. It need not belong to an account: the client that asks is not told.
    recipient_key TEXT NOT NULL,
    -- The account that the email is about, if there is one. It may have been deleted since.
    account_id    UUID,
    language      TEXT NOT NULL,
    -- JSON: what the email says beside its purpose. Never a secret.
    particulars   TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    -- The next attempt is not made before. A worker first moves it on, so that only one of several nodes makes the attempt.
    due_at        BIGINT NOT NULL,
    -- No attempt is made after: the email would be of no use any more.
    expires_at    BIGINT NOT NULL,
    attempts      BIGINT NOT NULL,
    -- sent, dropped (there is no recipient for it), expired or refused; NULL until then.
    outcome       TEXT,
    ended_at      BIGINT,
    -- Why the last attempt failed.
    failure       TEXT
);

CREATE INDEX outbox_due ON outbox (due_at) WHERE ended_at IS NULL;
CREATE INDEX outbox_ended ON outbox (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX outbox_by_recipient ON outbox (recipient_key, created_at);
CREATE INDEX outbox_by_account ON outbox (account_id) WHERE account_id IS NOT NULL;

-- The send log: that an email was queued for a recipient, as long as limits count it. It outlives the email and the
-- account, so that deleting an account and creating it again resets no limit.
CREATE TABLE mail_marks (
    id         UUID PRIMARY KEY,
    -- SHA-256 of the email address, folded to one spelling.
    recipient  BYTEA NOT NULL,
    purpose    TEXT NOT NULL,
    -- SHA-256 of the recipient and of the network that asked for the email; NULL for a notice.
    asker      BYTEA,
    -- When it is to be sent, or was.
    counted_at BIGINT NOT NULL
);

CREATE INDEX mail_marks_by_recipient ON mail_marks (recipient, counted_at);
CREATE INDEX mail_marks_by_time ON mail_marks (counted_at);


-- revocation

-- Token Status Lists: each session owns one bit of one list.
CREATE TABLE status_lists (
    number          BIGINT PRIMARY KEY,
    -- How many bits it has.
    entries         BIGINT NOT NULL,
    -- How many of them are handed out to servers, which hand them on to sessions. None is used twice.
    reserved        BIGINT NOT NULL,
    -- Mixes the order of the bits, so that an index does not reveal when its session was opened.
    permutation_key BYTEA NOT NULL,
    -- The number of the last revocation in it.
    version         BIGINT NOT NULL,
    -- The last expiry of the tokens that name this list.
    needed_until    BIGINT NOT NULL,
    -- How long the tokens of its bits live: `session`, or `access_token` where there is no refresh token.
    reach           TEXT NOT NULL
);

-- The bits that are set. They refer neither to accounts nor to sessions, because deleting those must not make their tokens
-- valid again.
CREATE TABLE revocations (
    list       BIGINT NOT NULL,
    idx        BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL,
    -- Given after the revocation was committed, in the order of commits, so that no reader skips one; NULL until then.
    number     BIGINT,
    PRIMARY KEY (list, idx)
);

CREATE INDEX revocations_by_number ON revocations (number);
CREATE INDEX revocations_without_number ON revocations (list) WHERE number IS NULL;

-- One row.
CREATE TABLE revocation_counter (
    id            BIGINT PRIMARY KEY,
    -- The last number that was given to a revocation.
    number        BIGINT NOT NULL,
    -- A restored backup begins a new generation of lists. Lists with a lower number belong to an earlier one, and all their
    -- sessions have ended, even those that are not in this database.
    first_list    BIGINT NOT NULL,
    -- The version of the lists of earlier generations: higher than any that was published before.
    first_version BIGINT NOT NULL
);

INSERT INTO revocation_counter (id, number, first_list, first_version) VALUES (1, 0, 0, 0);


-- keys

-- Every key that has signed here, and how long its tokens are valid: no key is forgotten before then.
CREATE TABLE signing_keys (
    kid             TEXT PRIMARY KEY,
    -- ES256, or RS256 for the ID tokens of clients that do not ask for ES256.
    alg             TEXT NOT NULL,
    first_seen_at   BIGINT NOT NULL,
    last_expires_at BIGINT NOT NULL,
    -- Revoked in an emergency: none of its tokens is accepted any more.
    revoked_at      BIGINT
);

-- Every sealing key that was ever used here, by id. The keys themselves are in the keys folder only.
CREATE TABLE sealing_keys (
    id            TEXT PRIMARY KEY,
    first_seen_at BIGINT NOT NULL,
    -- Out of use: ignored from then on, wherever a copy of its file is left.
    retired_at    BIGINT
);


-- audit

-- The audit log, chained and signed: rows get a place and a hash when they are sealed, some seconds after they were written.
CREATE TABLE audit_events (
    id          UUID PRIMARY KEY,
    -- The place in the sealed log, from 1 without a gap; NULL before the row is sealed.
    seq         BIGINT,
    at          BIGINT NOT NULL,
    kind        TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    actor       TEXT NOT NULL,
    -- No reference: what happened to an account outlives it. When the row is sealed, `subject` takes its place.
    account_id  UUID,
    -- The pseudonym of the account.
    subject     UUID,
    session_id  UUID,
    -- Personal data. It enters the hash as a salted commitment (`particulars`), so that it can be erased.
    address     TEXT,
    user_agent  TEXT,
    salt        BYTEA,
    particulars BYTEA,
    request_id  TEXT NOT NULL,
    detail      TEXT,
    -- The hash of the chain up to and including this row.
    hash        BYTEA
);

CREATE INDEX audit_events_by_account ON audit_events (account_id, at);
CREATE INDEX audit_events_by_subject ON audit_events (subject, at);
CREATE INDEX audit_events_by_time ON audit_events (at);
CREATE UNIQUE INDEX audit_events_by_seq ON audit_events (seq);
CREATE INDEX audit_events_unsealed ON audit_events (id) WHERE seq IS NULL;

-- The account behind each pseudonym. Without its row, a pseudonym cannot be resolved.
CREATE TABLE audit_subjects (
    -- A commitment to the account with this salt: it cannot be given to another account.
    pseudonym  UUID PRIMARY KEY,
    account_id UUID NOT NULL UNIQUE,
    salt       BYTEA NOT NULL
);

-- Deleted accounts whose pseudonyms are still to be forgotten.
CREATE TABLE audit_erasures (
    account_id UUID PRIMARY KEY,
    asked_at   BIGINT NOT NULL
);

-- Signatures over the chain, each over all before it.
CREATE TABLE audit_checkpoints (
    -- The last place that it seals.
    seq       BIGINT PRIMARY KEY,
    token     TEXT NOT NULL,
    sealed_at BIGINT NOT NULL,
    -- When it was sent to the webhook.
    sent_at   BIGINT
);

CREATE INDEX audit_checkpoints_unsent ON audit_checkpoints (seq) WHERE sent_at IS NULL;

-- By which servers take turns at the log. One row.
CREATE TABLE audit_head (
    id       BIGINT PRIMARY KEY,
    -- Rises with each change. A server names the revision that it read, so that only one of several nodes writes.
    revision BIGINT NOT NULL
);

INSERT INTO audit_head (id, revision) VALUES (1, 0);
