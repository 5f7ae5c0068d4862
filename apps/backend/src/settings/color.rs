//! A colour.

use super::value::Value;
use super::value_error::ValueError;

/// A colour of a screen (sRGB).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color([u8; 3]);

impl Color {
    /// Black.
    pub const BLACK: Self = Self([0; 3]);
    /// White.
    pub const WHITE: Self = Self([255; 3]);

    /// The colour of these parts.
    pub const fn rgb(red: u8, green: u8, blue: u8) -> Self {
        Self([red, green, blue])
    }

    /// Its parts: red, green and blue.
    pub const fn parts(self) -> [u8; 3] {
        self.0
    }

    /// As CSS writes it.
    pub fn css(self) -> String {
        let [red, green, blue] = self.0;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }
}

impl Value for Color {
    const FORM: &'static str = "color";

    fn parse(text: &str) -> Result<Self, ValueError> {
        let digits = text
            .strip_prefix('#')
            .filter(|digits| digits.len() == 6 && digits.is_ascii());
        let part = |from| digits.and_then(|digits| u8::from_str_radix(digits.get(from..from + 2)?, 16).ok());
        match (part(0), part(2), part(4)) {
            (Some(red), Some(green), Some(blue)) if !text.contains('+') => Ok(Self([red, green, blue])),
            _ => Err(ValueError::new(
                format!("{text:?} is not a color"),
                "expected `#` and six hexadecimal digits, such as #1f4fd8",
            )),
        }
    }
}

impl Value for Option<Color> {
    const FORM: &'static str = "color, or empty";

    fn parse(text: &str) -> Result<Self, ValueError> {
        (!text.is_empty()).then(|| Color::parse(text)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_a_colour_gets_into_the_style_sheet() {
        for text in ["", "red", "#fff", "#12345", "#12345g", "#+12345", "#1f4fd8;}", "#äöü"] {
            assert!(Color::parse(text).is_err(), "{text}");
        }
        assert_eq!(Color::parse("#1f4fd8"), Ok(Color::rgb(0x1f, 0x4f, 0xd8)));
        assert_eq!(Option::<Color>::parse(""), Ok(None));
    }
}
