//! `[pages]`: the appearance of pages and emails.

use super::color::Color;
use super::logo::Logo;
use super::section::section;
use super::value::Value;
use super::value_error::ValueError;
use super::values::Values;
use super::wording::Wording;

section! {
    /// The appearance of pages and emails.
    Pages "pages." {
        /// The name of your service, shown on pages and in emails.
        name: String = "Countersign",
        /// The color of buttons and links, as `#rrggbb`. Any color works: it is adjusted where text would be hard to read.
        color: Color = "#1f4fd8",
        /// The color in dark mode, where a lighter color may look better.
        #[default_is = "`pages.color`"]
        color_dark: Option<Color> = "",
        /// The corner radius in pixels, 0 to 32.
        radius: u32 = "10",
        /// A square logo next to the name and in the browser tab: SVG or PNG, at most 16 KB. Without one, the first letter
        /// of the name is shown on the color. Emails only show a PNG, because email clients do not display SVG.
        logo: Option<Logo> = "",
        /// The logo in dark mode.
        #[default_is = "`pages.logo`"]
        logo_dark: Option<Logo> = "",
        /// The name of a font that is installed on users' devices. By default, the system font.
        font: Font = "",
        /// The heading of the sign-in page, as plain text: one for all languages, or one per language, such as
        /// `Welcome | de: Willkommen`.
        #[default_is = "“Sign in”, in the language of the page"]
        heading: Wording = "",
        /// A line in the footer of every page, as plain text: one for all languages, or one per language as above.
        footer: Wording = "",
        /// The URL of your terms of service. The pages link to it, and the sign-up page says that they apply.
        terms_url: Option<PageUrl> = "",
        /// The URL of your privacy policy. The pages link to it.
        privacy_url: Option<PageUrl> = "",
    }
}

impl Pages {
    pub(super) fn check(&self, values: &mut Values) {
        values.within("pages.radius", self.radius, 0..=32);
        values.require(
            self.logo.is_some() || self.logo_dark.is_none(),
            &["pages.logo_dark"],
            ValueError::new("has no effect without `pages.logo`", "set both, or `pages.logo` only"),
        );
    }
}

/// The URL of a page of the operator's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageUrl(String);

impl PageUrl {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for Option<PageUrl> {
    const FORM: &'static str = "URL, or empty";

    fn parse(text: &str) -> Result<Self, ValueError> {
        if text.is_empty() {
            return Ok(None);
        }
        let fault = || {
            ValueError::new(
                format!("{text:?} is not the URL of a page"),
                "expected one such as https://example.com/terms",
            )
        };
        let url = text.parse::<url::Url>().map_err(|_| fault())?;
        let is_page = matches!(url.scheme(), "https" | "http") && url.username().is_empty() && url.password().is_none();
        match is_page && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(Some(PageUrl(text.to_owned()))),
            false => Err(fault()),
        }
    }
}

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
            false => Err(ValueError::new(
                format!("invalid font name {text:?}"),
                "expected one such as Inter",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_a_font_gets_into_the_style_sheet() {
        for text in ["a;b", "a\"b", "a}b", "url(x)"] {
            assert!(Font::parse(text).is_err(), "{text}");
        }
        assert_eq!(
            Font::parse("Noto Sans").unwrap().css().as_deref(),
            Some("\"Noto Sans\"")
        );
    }

    #[test]
    fn a_link_leads_to_a_page() {
        for text in ["https://example.com/terms?x=1#y", "http://example.com"] {
            assert_eq!(Option::<PageUrl>::parse(text), Ok(Some(PageUrl(text.to_owned()))));
        }
        for text in [
            "terms",
            "/terms",
            "javascript:alert(1)",
            "https://a:b@example.com",
            "https://exämple.com",
        ] {
            assert!(Option::<PageUrl>::parse(text).is_err(), "{text}");
        }
    }
}
