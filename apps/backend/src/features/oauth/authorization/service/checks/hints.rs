//! OpenID Connect Core §3.1.2.1: what fills in the sign-in form, and the languages of the pages. `display` and
//! `claims_locales` are ignored.

use countersign_oauth::OauthError;

use super::draft::{Draft, invalid};

/// The longest email address.
const LOGIN_HINT: usize = 320;
/// The maximum length of a list of languages.
const UI_LOCALES: usize = 200;

pub fn check(draft: &mut Draft<'_>) -> Result<(), OauthError> {
    let (login_hint, ui_locales) = (draft.one("login_hint")?, draft.one("ui_locales")?);
    if login_hint.is_some_and(|hint| hint.len() > LOGIN_HINT) {
        return Err(invalid("login_hint is too long"));
    }
    if ui_locales.is_some_and(|locales| locales.len() > UI_LOCALES) {
        return Err(invalid("ui_locales is too long"));
    }
    draft.login_hint = login_hint.map(str::to_owned);
    draft.ui_locales = ui_locales.map(str::to_owned);
    Ok(())
}
