//! The style sheet, the script and the icon. Each has the hash of its content in its name.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::core::brand::{Brand, Palette};
use crate::settings::{self, Color, Logo};

const STYLE: &str = include_str!("../../../assets/pages.css");
const SCRIPT: &str = include_str!("../../../assets/pages.js");

/// The contents and paths of these files.
pub struct Assets {
    pub(super) style_path: String,
    pub(super) script_path: String,
    pub(super) icon_path: String,
    style: String,
    icon: Icon,
}

/// The icon of the browser tab.
struct Icon {
    kind: &'static str,
    bytes: Vec<u8>,
}

impl Assets {
    /// Builds the files with the colors and shapes from the settings.
    pub fn new(pages: &settings::Pages) -> Self {
        let style = format!("{}\n{STYLE}", theme(pages));
        let icon = icon(pages);
        let ending = if icon.kind == "image/png" { "png" } else { "svg" };
        Self {
            style_path: format!("/pages/style-{}.css", version(style.as_bytes())),
            script_path: format!("/pages/script-{}.js", version(SCRIPT.as_bytes())),
            icon_path: format!("/pages/icon-{}.{ending}", version(&icon.bytes)),
            style,
            icon,
        }
    }

    /// Returns the type and content of the file at this path.
    pub(super) fn find(&self, path: &str) -> Option<(&'static str, &[u8])> {
        if path == self.style_path {
            Some(("text/css; charset=utf-8", self.style.as_bytes()))
        } else if path == self.script_path {
            Some(("text/javascript; charset=utf-8", SCRIPT.as_bytes()))
        } else if path == self.icon_path {
            Some((self.icon.kind, &self.icon.bytes))
        } else {
            None
        }
    }
}

/// Returns the settings as CSS custom properties. Their values are validated, so none of them can end a declaration.
fn theme(pages: &settings::Pages) -> String {
    let Brand { light, dark } = Brand::new(pages);
    let both = |part: fn(&Palette) -> Color| format!("light-dark({},{})", part(&light).css(), part(&dark).css());
    let font = pages
        .font
        .css()
        .map_or_else(String::new, |font| format!("--font:{font},system-ui,sans-serif;"));
    let logo = pages.logo.as_ref().map_or_else(String::new, mark);
    let on_dark = |logo| format!("@media(prefers-color-scheme:dark){{{}}}", mark(logo));
    format!(
        ":root{{--button:{};--on-button:{};--button-hover:{};--button-edge:{};--link:{};--radius:{}px;{font}}}{logo}{}",
        both(|palette| palette.button),
        both(|palette| palette.on_button),
        both(|palette| palette.button_hover),
        both(|palette| palette.button_edge),
        both(|palette| palette.link),
        pages.radius,
        pages.logo_dark.as_ref().map_or_else(String::new, on_dark)
    )
}

/// Returns the logo, or the first letter of the name on the configured color.
fn icon(pages: &settings::Pages) -> Icon {
    if let Some(logo) = &pages.logo {
        return Icon {
            kind: logo.kind(),
            bytes: logo.bytes().to_vec(),
        };
    }
    let Brand { light, dark } = Brand::new(pages);
    let [button, written, on_dark, written_on_dark] =
        [light.button, light.on_button, dark.button, dark.on_button].map(Color::css);
    let letter = initial(&pages.name);
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><style>rect{{fill:{button}}}text{{fill:{written};\
         font:700 20px system-ui,sans-serif}}@media(prefers-color-scheme:dark){{rect{{fill:{on_dark}}}\
         text{{fill:{written_on_dark}}}}}</style><rect width=\"32\" height=\"32\" rx=\"8\"/>\
         <text x=\"16\" y=\"23\" text-anchor=\"middle\">{letter}</text></svg>"
    );
    Icon {
        kind: "image/svg+xml",
        bytes: svg.into_bytes(),
    }
}

/// Returns the first letter of a name. It needs no escaping in HTML or SVG.
pub(super) fn initial(name: &str) -> String {
    let first = name.chars().find(|c| c.is_alphanumeric());
    first.map_or_else(String::new, |first| first.to_uppercase().collect())
}

/// Returns the CSS that shows the logo instead of the letter. Embedded in the style sheet, it needs no request; as an
/// image, an SVG runs no scripts.
fn mark(logo: &Logo) -> String {
    let encoded = STANDARD.encode(logo.bytes());
    format!(
        ".brand .mark{{background:url(data:{};base64,{encoded}) center/contain no-repeat;border:0;border-radius:0;font-size:0}}",
        logo.kind()
    )
}

fn version(content: &[u8]) -> String {
    let hash = digest(&SHA256, content);
    hash.as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::brand::{DARK, LIGHT, contrast};

    /// Returns the colors that the style sheet declares as `--name: light-dark(#light, #dark)`.
    fn declared(name: &str) -> (Color, Color) {
        let rest = STYLE.split(&format!("--{name}: light-dark(")).nth(1).unwrap();
        let mut parts = rest.split(')').next().unwrap().split(", ").map(|part| {
            let digits = u32::from_str_radix(&part[1..], 16).unwrap().to_be_bytes();
            Color::rgb(digits[1], digits[2], digits[3])
        });
        (parts.next().unwrap(), parts.next().unwrap())
    }

    #[test]
    fn text_and_fields_can_be_read_on_every_surface() {
        assert_eq!(declared("ground"), (LIGHT.ground, DARK.ground));
        assert_eq!(declared("sheet"), (LIGHT.sheet, DARK.sheet));
        assert_eq!(declared("ink"), (LIGHT.ink, DARK.ink));
        for (text, least, grounds) in [
            ("ink", 7.0, ["ground", "sheet", "soft"].as_slice()),
            ("faint", 7.0, &["ground", "sheet"]),
            ("line", 3.0, &["sheet"]),
            ("bad", 7.0, &["sheet", "bad-ground"]),
            ("good", 7.0, &["sheet", "good-ground"]),
        ] {
            for ground in grounds {
                let ((light, dark), (on_light, on_dark)) = (declared(text), declared(ground));
                for (one, other) in [(light, on_light), (dark, on_dark)] {
                    let found = contrast(one, other);
                    assert!(
                        found >= least,
                        "--{text} {} on --{ground} {}: {found:.2}",
                        one.css(),
                        other.css()
                    );
                }
            }
        }
    }

    #[test]
    fn a_service_has_a_letter() {
        for (name, letter) in [("example", "E"), ("<b>", "B"), ("日本", "日"), ("", ""), ("ßeta", "SS")] {
            assert_eq!(initial(name), letter);
        }
    }
}
