//! The paths of pages.

/// The first segments of the paths of pages, apart from `/`.
const ROOTS: [&str; 11] = [
    "language",
    "authorize",
    "signin",
    "signup",
    "signout",
    "verify",
    "recover",
    "change-email",
    "account",
    "done",
    "device",
];

/// Pages under the paths of endpoints for programs.
const PAGES: [&str; 2] = ["/oauth2/authorize", "/oauth2/logout"];

/// Returns whether a path belongs to the pages, whether or not the page exists.
pub(super) fn is_for_people(path: &str) -> bool {
    let root = path.strip_prefix('/').and_then(|path| path.split('/').next());
    path == "/" || PAGES.contains(&path) || root.is_some_and(|root| ROOTS.contains(&root))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::messaging::outbox::Purpose;

    #[test]
    fn the_links_of_emails_are_for_people() {
        for purpose in Purpose::ALL {
            assert!(is_for_people(purpose.page()), "{}", purpose.page());
        }
    }

    #[test]
    fn an_application_at_the_same_host_forwards_the_pages() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for file in [
            "clients/node/src/next.js",
            "docs/guides/nextjs.md",
            "docs/guides/fastapi-pages.md",
            "infra/nginx/snippets/countersign-pages.conf",
        ] {
            let text = std::fs::read_to_string(root.join(file)).unwrap();
            let words: Vec<_> = text.split(|c: char| !c.is_alphanumeric() && c != '-').collect();
            for page in ROOTS {
                assert!(words.contains(&page), "{file} does not forward /{page}");
            }
        }
    }
}
