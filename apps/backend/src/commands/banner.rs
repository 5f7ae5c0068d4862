//! What the server prints when it is started at a terminal.

use std::net::SocketAddr;

use crate::Services;

/// Returns the banner: the URLs and paths, what was created, and three commands to try.
pub(super) fn banner(services: &Services, address: SocketAddr, database_is_new: bool) -> String {
    let settings = &services.settings;
    let made = |new: bool| if new { " (new)" } else { "" };
    let base = format!("http://{address}");
    let hashes = settings.hashing.workers;
    format!(
        "
  Countersign is running on {base}
    issuer     {issuer}
    database   {database}{new_database}
    keys       {keys}{new_keys}
    hashing    {hashes} passwords in parallel, {memory} MiB each
    email      {mail}
    pages      {base}/
    apps       {apps}
    API docs   {base}/docs

  To sign up, sign in and call a protected route:

    curl -sS {base}/api/auth/register -H 'Content-Type: application/json' -d '{{\"email\":\"ada@example.com\",\"password\":\"a long umbrella\"}}'
    TOKEN=$(curl -sS {base}/api/auth/login -d username=ada@example.com -d 'password=a long umbrella' | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')
    curl -sS {base}/api/auth/me -H \"Authorization: Bearer $TOKEN\"
",
        issuer = settings.issuer.as_str(),
        database = settings.database_url,
        new_database = made(database_is_new),
        keys = settings.keys_dir.display(),
        new_keys = made(services.keys.created()),
        mail = match services.mailer.folder() {
            Some(folder) => format!("written to {}, because no mail server is configured", folder.display()),
            None => format!("from {}", settings.mail.from.mailbox()),
        },
        apps = services.applications.summary().unwrap_or_else(|| "none".to_owned()),
        memory = settings.passwords.memory_kib / 1024,
    )
}
