//! What a client may do, in words.

use super::view::View;
use crate::features::oauth::authorization::Permission;

/// A permission as the pages show it.
pub(super) struct ShownPermission {
    pub what: String,
    /// The API that it is about.
    pub api: Option<String>,
}

/// Returns permissions in the words of the page's language.
pub(super) fn in_words(v: &View, mut permissions: Vec<Permission<'_>>) -> Vec<ShownPermission> {
    permissions.sort_by_key(place);
    permissions.into_iter().map(|permission| shown(v, permission)).collect()
}

/// Returns where a permission is listed: first what is about the user, last how long the access lasts.
fn place(permission: &Permission<'_>) -> usize {
    const USER: [&str; 4] = ["profile", "email", "phone", "address"];
    match permission {
        Permission::Standard("offline_access") => USER.len() + 1,
        Permission::Standard(scope) => USER.iter().position(|known| known == scope).unwrap_or(USER.len()),
        Permission::OfApi(..) => USER.len(),
    }
}

fn shown(v: &View, permission: Permission<'_>) -> ShownPermission {
    match permission {
        Permission::OfApi(api, words) => ShownPermission {
            what: words.to_owned(),
            api: Some(api.to_owned()),
        },
        Permission::Standard(scope) => ShownPermission {
            what: match scope {
                "profile" => v.t("scope-profile"),
                "email" => v.t("scope-email"),
                "phone" => v.t("scope-phone"),
                "address" => v.t("scope-address"),
                "offline_access" => v.t("scope-offline"),
                other => other.to_owned(),
            },
            api: None,
        },
    }
}
