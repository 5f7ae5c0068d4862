//! An unsigned token as raw JSON, including JSON that no library would write.

use crate::forge::encode;
use crate::sample::{CLIENT, ISSUER};

/// The two parts of a token as lists of members: name and value, each as raw text.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) header: Part,
    pub(super) claims: Part,
}

#[derive(Clone)]
pub(super) struct Part {
    members: Vec<(String, String)>,
    /// The text before, between and after the members.
    pub(super) open: Vec<u8>,
    pub(super) comma: &'static str,
    pub(super) colon: &'static str,
    pub(super) close: Vec<u8>,
    /// Changes the base64url text.
    pub(super) encoded: fn(String) -> String,
}

impl Draft {
    pub(super) fn good(kid: &str, now: i64) -> Self {
        let text = |text: &str| format!("\"{text}\"");
        let list = format!(r#"{{"status_list":{{"idx":4711,"uri":"{ISSUER}/oauth2/status-lists/1"}}}}"#);
        let uuid = |last: u8| format!("\"01980000-0000-7000-8000-00000000000{last}\"");
        Self {
            header: Part::of([("alg", text("ES256")), ("typ", text("at+jwt")), ("kid", text(kid))]),
            claims: Part::of([
                ("iss", text(ISSUER)),
                ("sub", uuid(1)),
                ("aud", text(crate::sample::AUDIENCE)),
                ("exp", (now + 1_296_000).to_string()),
                ("iat", now.to_string()),
                ("jti", uuid(2)),
                ("client_id", text("countersign")),
                ("sid", uuid(3)),
                ("scope", text("products:read products:write")),
                ("auth_time", now.to_string()),
                ("amr", r#"["pwd"]"#.to_owned()),
                ("email", text("ada@example.com")),
                ("email_verified", "true".to_owned()),
                ("name", text("Ada \\u003cLovelace\\u003e \u{e9}")),
                ("status", list),
            ]),
        }
    }

    /// The token of a client that acts for itself.
    pub(super) fn client(kid: &str, now: i64) -> Self {
        let mut draft = Self::good(kid, now);
        for name in ["sid", "auth_time", "amr", "email", "email_verified", "name"] {
            draft.claims.remove(name);
        }
        for name in ["sub", "client_id"] {
            draft.claims.set(name, &format!("\"{CLIENT}\""));
        }
        draft
    }

    /// The text to sign.
    pub(super) fn text(&self) -> String {
        format!("{}.{}", self.header.encode(), self.claims.encode())
    }
}

impl Part {
    fn of<const N: usize>(members: [(&str, String); N]) -> Self {
        Self {
            members: members.map(|(name, value)| (format!("\"{name}\""), value)).to_vec(),
            open: b"{".to_vec(),
            comma: ",",
            colon: ":",
            close: b"}".to_vec(),
            encoded: |text| text,
        }
    }

    /// Sets a member in its place, or appends it.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        match self.find(name) {
            Some(at) => value.clone_into(&mut self.members[at].1),
            None => self.add(name, value),
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        if let Some(at) = self.find(name) {
            self.members.remove(at);
        }
    }

    /// Appends a member, even if there is one with this name.
    pub(super) fn add(&mut self, name: &str, value: &str) {
        self.members.push((format!("\"{name}\""), value.to_owned()));
    }

    /// Inserts a member at the beginning, even if there is one with this name.
    pub(super) fn add_first(&mut self, name: &str, value: &str) {
        self.members.insert(0, (format!("\"{name}\""), value.to_owned()));
    }

    pub(super) fn rename(&mut self, name: &str, written: String) {
        if let Some(at) = self.find(name) {
            self.members[at].0 = written;
        }
    }

    pub(super) fn reverse(&mut self) {
        self.members.reverse();
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        Some(&self.members[self.find(name)?].1)
    }

    fn find(&self, name: &str) -> Option<usize> {
        let written = format!("\"{name}\"");
        self.members.iter().position(|(name, _)| *name == written)
    }

    fn encode(&self) -> String {
        let members: Vec<_> = self
            .members
            .iter()
            .map(|(name, value)| format!("{name}{}{value}", self.colon))
            .collect();
        let text = [&self.open[..], members.join(self.comma).as_bytes(), &self.close].concat();
        (self.encoded)(encode(text))
    }
}

/// Escapes the first letter of a text: another spelling of the same text.
pub(super) fn escaped(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| format!("\\u{:04x}", u32::from(first)));
    format!("\"{}{}\"", first.unwrap_or_default(), letters.as_str())
}
