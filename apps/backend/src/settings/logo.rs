//! A small picture of the service, for its pages.

use super::regular_file;
use super::value::Value;
use super::value_error::ValueError;

/// A picture, read when the settings are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logo {
    kind: &'static str,
    bytes: Vec<u8>,
}

impl Logo {
    /// Its media type.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Value for Option<Logo> {
    const FORM: &'static str = "path of an SVG or PNG file, or empty";

    fn parse(text: &str) -> Result<Self, ValueError> {
        if text.is_empty() {
            return Ok(None);
        }
        let fault = |what: String| ValueError::new(what, "expected the path of an SVG or PNG file of at most 16 KB");
        let bytes = regular_file::read(text.as_ref(), MOST_BYTES);
        let bytes = bytes.map_err(|error| fault(format!("{text:?} cannot be read: {error}")))?;
        let kind = match &*bytes {
            [0x89, b'P', b'N', b'G', ..] => "image/png",
            bytes if bytes.trim_ascii_start().starts_with(b"<") => "image/svg+xml",
            _ => return Err(fault(format!("{text:?} is neither an SVG nor a PNG file"))),
        };
        Ok(Some(Logo { kind, bytes }))
    }
}

/// It travels in the style sheet, with every first visit.
const MOST_BYTES: usize = 16 << 10;
