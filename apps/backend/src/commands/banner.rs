//! What a person sees who starts the server at a terminal.

use std::net::SocketAddr;

use crate::Services;

/// Where everything is, what was just made, and three lines to paste.
pub(super) fn banner(services: &Services, address: SocketAddr, database_is_new: bool) -> String {
    let settings = &services.settings;
    let made = |new: bool| if new { " (made just now)" } else { "" };
    let base = format!("http://{address}");
    let hashes = settings.hashing.workers;
    format!(
        "
  Countersign listens on {base}
    issuer     {issuer}
    database   {database}{new_database}
    keys       {keys}{new_keys}
    passwords  {hashes} at a time, {memory} MiB each
    mail       {mail}
    pages      {base}/
    API        {base}/docs

  Sign up, sign in, call a protected route:

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
            Some(folder) => format!("written into {}, as there is no mail server", folder.display()),
            None => format!("from {}", settings.mail.from.mailbox()),
        },
        memory = settings.passwords.memory_kib / 1024,
    )
}
