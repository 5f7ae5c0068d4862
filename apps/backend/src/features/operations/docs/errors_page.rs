//! `/errors`: explains each error code. The `type` of every problem points here.

use std::fmt::Write;

use crate::core::problem::Code;

/// Returns the page, with an anchor per code.
pub(super) fn errors_page() -> String {
    let mut rows = String::new();
    for code in Code::ALL {
        let (name, status, title, meaning) = (code.name(), code.status().as_u16(), code.title(), code.meaning());
        // Writing to a String cannot fail.
        let _ = write!(
            rows,
            "<section id=\"{name}\"><h2>{title}</h2><p><code>{name}</code>, status {status}</p><p>{}</p></section>",
            meaning.replace('&', "&amp;").replace('<', "&lt;").replace('`', "")
        );
    }
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Error codes</title>\
         <meta name=\"viewport\" content=\"width=device-width\"></head>\
         <body><main><h1>Error codes</h1>{rows}</main></body></html>"
    )
}
