//! The style sheet and the script: two files, each with its hash in its name, kept by browsers for good.

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use super::service::Pages;
use crate::core::problem::{Code, Problem};
use crate::settings::{self, Logo};

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
}

/// The settings as custom properties. Their values were parsed: nothing in them ends a declaration.
fn theme(pages: &settings::Pages) -> String {
    let font = pages
        .font
        .css()
        .map_or_else(String::new, |font| format!("--font:{font},system-ui,sans-serif;"));
    format!(
        ":root{{--accent:{};--on-accent:{};--radius:{}px;{font}}}{}",
        pages.color.css(),
        pages.color.on_top(),
        pages.radius,
        pages.logo.as_ref().map_or_else(String::new, logo)
    )
}

/// In the style sheet itself, so that it costs no request. As an image, an SVG runs no script.
fn logo(logo: &Logo) -> String {
    let encoded = STANDARD.encode(logo.bytes());
    format!(
        ".brand.brand::before{{background:url(data:{};base64,{encoded}) center/contain no-repeat;border:0;width:2rem;height:2rem}}",
        logo.kind()
    )
}

fn version(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    hash.as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// One of the two files, by its name.
pub(super) async fn file(State(pages): State<Pages>, Path(name): Path<String>) -> Response {
    let assets = &pages.assets;
    let path = format!("/pages/{name}");
    let (kind, text) = match path {
        path if path == assets.style_path => ("text/css; charset=utf-8", assets.style.clone()),
        path if path == assets.script_path => ("text/javascript; charset=utf-8", SCRIPT.to_owned()),
        _ => return Problem::new(Code::NotFound).into_response(),
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (
            CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=31536000, immutable"),
        ),
    ];
    (headers, text).into_response()
}
