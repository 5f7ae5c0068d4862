//! A response as received, and whether it conforms to the documentation.

use countersign::core::problem::Code;
use serde_json::Value;

/// A response as received.
pub(super) struct RawAnswer<'a> {
    pub(super) status: u16,
    headers: Vec<(&'a str, &'a str)>,
    body: Option<&'a str>,
}

impl<'a> RawAnswer<'a> {
    /// Parses the first response, and returns what follows it.
    pub(super) fn read(said: &'a str, is_head: bool) -> Result<(Self, &'a str), String> {
        let (head, rest) = said.split_once("\r\n\r\n").ok_or("no whole head")?;
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .unwrap_or_default()
            .split(' ')
            .nth(1)
            .and_then(|text| text.parse().ok());
        let status = status.ok_or("no status")?;
        let headers = lines.map(|line| line.split_once(": ").ok_or(format!("no header: {line:?}")));
        let mut answer = Self {
            status,
            headers: headers.collect::<Result<_, _>>()?,
            body: None,
        };
        if is_head || status == 304 || status == 204 {
            return Ok((answer, rest));
        }
        let length: usize = answer
            .header("content-length")
            .parse()
            .map_err(|_| "no Content-Length")?;
        let (body, after) = rest.split_at_checked(length).ok_or("the body is cut off")?;
        answer.body = Some(body);
        Ok((answer, after))
    }

    /// A success, or a well-formed problem with a known code that belongs to its status.
    pub(super) fn is_documented(&self) -> Result<(), String> {
        if self.status >= 500 {
            return Err(format!("{} is our fault", self.status));
        }
        // A page reveals its origin to its own forms, but no path.
        let is_page = self.header("content-type").starts_with("text/html");
        let referrer = if is_page { "strict-origin" } else { "no-referrer" };
        for (name, value) in [("x-content-type-options", "nosniff"), ("referrer-policy", referrer)] {
            if self.header(name) != value {
                return Err(format!("{name} is missing"));
            }
        }
        if self.header("x-request-id").is_empty() {
            return Err("it has no request id".into());
        }
        let Some(body) = self.body.filter(|_| self.status >= 400) else {
            return Ok(());
        };
        let body: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
        let code = Code::ALL
            .iter()
            .find(|code| body["code"] == code.name())
            .ok_or("its code is in no list")?;
        let allowed = match (code.status().as_u16(), self.status) {
            // The documented exception: a wrong password with a valid bearer token.
            (401, 403) => *code == Code::InvalidCredentials,
            (code, status) => code == status,
        };
        let facts = [
            ("code", allowed),
            ("status", body["status"] == self.status),
            ("request_id", body["request_id"] == self.header("x-request-id")),
            (
                "Content-Type",
                self.header("content-type") == "application/problem+json",
            ),
            ("Allow", self.status != 405 || !self.header("allow").is_empty()),
            (
                "WWW-Authenticate",
                self.status != 401 || self.header("www-authenticate").starts_with("Bearer realm="),
            ),
            (
                "Connection",
                !matches!(self.status, 408 | 413 | 431) || self.header("connection") == "close",
            ),
        ];
        match facts.iter().find(|(_, holds)| !holds) {
            Some((name, _)) => Err(format!("{name} is not as documented")),
            None => Ok(()),
        }
    }

    fn header(&self, name: &str) -> &'a str {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value)
    }
}
