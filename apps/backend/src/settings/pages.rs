//! `[pages]`: how pages and mails look to people.

use super::section::section;
use super::value::Value;
use super::value_error::ValueError;

section! {
    /// How pages and mails look to people.
    Pages "pages." {
        /// The name of the service that people sign in to, in pages and mails.
        name: String = "Countersign",
        /// The colour of buttons, as `#rrggbb`. What is written on it is white or black, whichever reads better.
        color: Color = "#1f4fd8",
        /// How round corners are, in pixels, 0 to 32.
        radius: u32 = "10",
        /// A picture beside the name, square, as SVG or PNG of at most 16 KB; a small square of the colour if it is not set.
        logo: Option<Logo> = "",
        /// A font that people have on their devices, by its name; the device's own if it is empty.
        font: Font = "",
    }
}

/// A colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color([u8; 3]);

impl Color {
    /// As CSS writes it.
    pub fn css(self) -> String {
        let [red, green, blue] = self.0;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }

    /// White or black, whichever has the higher contrast with it (WCAG 2.2, relative luminance).
    pub fn on_top(self) -> &'static str {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        };
        let [red, green, blue] = self.0.map(linear);
        let luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
        // (1 + 0.05) / (l + 0.05) = (l + 0.05) / (0 + 0.05) where l is 0.179.
        if luminance > 0.179 { "#000000" } else { "#ffffff" }
    }
}

impl Value for Color {
    const FORM: &'static str = "colour";

    fn parse(text: &str) -> Result<Self, ValueError> {
        let digits = text
            .strip_prefix('#')
            .filter(|digits| digits.len() == 6 && digits.is_ascii());
        let part = |from| digits.and_then(|digits| u8::from_str_radix(digits.get(from..from + 2)?, 16).ok());
        match (part(0), part(2), part(4)) {
            (Some(red), Some(green), Some(blue)) if !text.contains('+') => Ok(Self([red, green, blue])),
            _ => Err(ValueError::new(format!("{text:?} is no colour"), "#1f4fd8")),
        }
    }
}

/// A small picture, read when the settings are.
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
    const FORM: &'static str = "path of an SVG or PNG file; empty for none";

    fn parse(text: &str) -> Result<Self, ValueError> {
        if text.is_empty() {
            return Ok(None);
        }
        let fault = |what: String| ValueError::new(what, "the path of an SVG or PNG file of at most 16 KB");
        let bytes = std::fs::read(text).map_err(|error| fault(format!("{text:?} cannot be read: {error}")))?;
        let kind = match &*bytes {
            [0x89, b'P', b'N', b'G', ..] => "image/png",
            bytes if bytes.trim_ascii_start().starts_with(b"<") => "image/svg+xml",
            _ => return Err(fault(format!("{text:?} is no SVG and no PNG"))),
        };
        match bytes.len() <= MOST_BYTES {
            true => Ok(Some(Logo { kind, bytes })),
            false => Err(fault(format!("{text:?} has {} bytes", bytes.len()))),
        }
    }
}

/// It travels in the style sheet, with every first visit.
const MOST_BYTES: usize = 16 << 10;

/// The name of a font, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Font(String);

impl Font {
    /// As CSS writes it; none if none is set.
    pub fn css(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| format!("\"{}\"", self.0))
    }
}

impl Value for Font {
    const FORM: &'static str = "name of a font";

    fn parse(text: &str) -> Result<Self, ValueError> {
        let plain = |c: char| c.is_alphanumeric() || c == ' ' || c == '-';
        match text.chars().all(plain) && text.len() <= 100 {
            true => Ok(Self(text.to_owned())),
            false => Err(ValueError::new(format!("{text:?} is no name of a font"), "Inter")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_on_a_colour_can_be_read() {
        for (color, on_top) in [
            ("#1f4fd8", "#ffffff"),
            ("#ffd400", "#000000"),
            ("#000000", "#ffffff"),
            ("#ffffff", "#000000"),
        ] {
            assert_eq!(Color::parse(color).unwrap().on_top(), on_top, "{color}");
        }
    }

    #[test]
    fn nothing_that_is_no_colour_and_no_font_gets_into_the_style_sheet() {
        for text in ["", "red", "#fff", "#12345", "#12345g", "#+12345", "#1f4fd8;}", "#äöü"] {
            assert!(Color::parse(text).is_err(), "{text}");
        }
        for text in ["a;b", "a\"b", "a}b", "url(x)"] {
            assert!(Font::parse(text).is_err(), "{text}");
        }
        assert_eq!(
            Font::parse("Noto Sans").unwrap().css().as_deref(),
            Some("\"Noto Sans\"")
        );
    }
}
