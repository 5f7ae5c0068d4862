//! The style sheet and the script: two files, each with its hash in its name.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::core::brand::{Brand, Palette};
use crate::settings::{self, Color, Logo};

const STYLE: &str = include_str!("../../../assets/pages.css");
const SCRIPT: &str = include_str!("../../../assets/pages.js");

/// The files as they are served, and where.
pub struct Assets {
    pub(super) style_path: String,
    pub(super) script_path: String,
    style: String,
}

impl Assets {
    /// With the colours and shapes of the settings.
    pub fn new(pages: &settings::Pages) -> Self {
        let style = format!("{}\n{STYLE}", theme(pages));
        Self {
            style_path: format!("/pages/style-{}.css", version(&style)),
            script_path: format!("/pages/script-{}.js", version(SCRIPT)),
            style,
        }
    }

    /// The file at this path: its type and its text.
    pub(super) fn find(&self, path: &str) -> Option<(&'static str, &str)> {
        if path == self.style_path {
            Some(("text/css; charset=utf-8", &self.style))
        } else if path == self.script_path {
            Some(("text/javascript; charset=utf-8", SCRIPT))
        } else {
            None
        }
    }
}

/// The settings as custom properties. Their values were parsed: nothing in them ends a declaration.
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

/// The logo instead of the letter. In the style sheet itself, it costs no request; as an image, an SVG runs no script.
fn mark(logo: &Logo) -> String {
    let encoded = STANDARD.encode(logo.bytes());
    format!(
        ".brand .mark{{background:url(data:{};base64,{encoded}) center/contain no-repeat;border:0;border-radius:0;font-size:0}}",
        logo.kind()
    )
}

fn version(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    hash.as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}
