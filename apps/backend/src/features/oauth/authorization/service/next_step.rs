//! What a request needs next: a pure function of everything that is known (OpenID Connect Core §3.1.2.3).

use std::time::Duration;

use countersign_oauth::{ErrorCode, OauthError, Prompt};
use uuid::Uuid;

use super::checks::error;
use crate::core::clock::Timestamp;
use crate::features::oauth::authorization::request::AuthorizationRequest;

/// What the user and the session have answered to a request so far.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub opened_at: Timestamp,
    /// The user chose to continue with this account.
    pub chosen: bool,
    /// The user consented, for this request.
    pub consented: bool,
    /// The user clicked to go to the native application.
    pub clicked: bool,
}

/// The user who is signed in.
#[derive(Clone, Copy, Debug)]
pub struct Person<'p> {
    pub account: Uuid,
    pub auth_time: Timestamp,
    /// The authentication context class of the session.
    pub acr: &'p str,
    /// Whether the stored consent covers everything that is requested.
    pub has_consented: bool,
    /// Whether the account can give none of the requested scopes.
    pub may_give_nothing: bool,
}

/// What the request needs next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The user signs in.
    SignIn,
    /// The user creates an account.
    SignUp,
    /// The user signs in with the account that the client expects, instead of the present one.
    SignInAsOther,
    /// The user chooses whether to continue with this account.
    ChooseAccount,
    /// The user proves again who they are.
    Reauthenticate,
    /// The user consents.
    Consent,
    /// The user clicks to go to a native application (RFC 8252 §8.6).
    Confirm,
    /// The client gets a code.
    Issue,
    /// The client gets an error.
    Refuse(OauthError),
}

/// What else the next step depends on.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'s> {
    /// Whether the client gets access without consent, unless it asks for it.
    pub is_trusted: bool,
    /// Whether accounts can be created here.
    pub is_sign_up_open: bool,
    /// Whether an API was removed since the request began.
    pub is_target_gone: bool,
    pub person: Option<Person<'s>>,
    pub now: Timestamp,
}

/// Returns what a request needs next. The first rule that applies decides.
pub fn next_step(request: &AuthorizationRequest, progress: &Progress, situation: &Situation<'_>) -> Step {
    let prompts = |prompt| request.prompts.contains(prompt);
    let silently = request.prompts.is_none();
    // With `prompt=none`, an error stands for a page.
    let page = |step, code, description| match silently {
        true => Step::Refuse(error(code, description)),
        false => step,
    };
    if situation.is_target_gone {
        return Step::Refuse(error(ErrorCode::InvalidTarget, "an API was removed"));
    }
    let Some(person) = &situation.person else {
        let first = match prompts(Prompt::Create) && situation.is_sign_up_open {
            true => Step::SignUp,
            false => Step::SignIn,
        };
        return page(first, ErrorCode::LoginRequired, "no one is signed in");
    };
    let is_fresh = person.auth_time >= progress.opened_at;
    if (prompts(Prompt::SelectAccount) || prompts(Prompt::Create)) && !progress.chosen && !is_fresh {
        return Step::ChooseAccount;
    }
    if let Some(expected) = expected(request)
        && expected != Some(person.account)
    {
        let other = error(ErrorCode::LoginRequired, "another account is signed in");
        return match silently || is_fresh {
            true => Step::Refuse(other),
            false => Step::SignInAsOther,
        };
    }
    if !is_fresh && is_too_old(request, person.auth_time, situation.now) {
        return page(
            Step::Reauthenticate,
            ErrorCode::LoginRequired,
            "the user must sign in again",
        );
    }
    if !reaches(request, person.acr) {
        return Step::Refuse(match silently {
            true => error(ErrorCode::InteractionRequired, "stronger authentication is required"),
            false => error(
                ErrorCode::UnmetAuthenticationRequirements,
                "the required authentication is not available",
            ),
        });
    }
    if person.may_give_nothing {
        return Step::Refuse(error(
            ErrorCode::AccessDenied,
            "the user has none of the requested scopes",
        ));
    }
    let must_ask = prompts(Prompt::Consent) || !(situation.is_trusted || person.has_consented);
    if must_ask && !(progress.consented && person.has_consented) {
        return page(Step::Consent, ErrorCode::ConsentRequired, "the user has not agreed yet");
    }
    if request.answer_to.native && !progress.clicked && !progress.consented {
        return page(Step::Confirm, ErrorCode::InteractionRequired, "the user must confirm");
    }
    Step::Issue
}

/// Returns the account that the client expects: `Some(None)` is one that cannot exist.
pub(super) fn expected(request: &AuthorizationRequest) -> Option<Option<Uuid>> {
    let by_hint = request.subject.map(Some);
    let by_claim = || {
        let sub = request.claims.as_ref()?.subject()?;
        Some(sub.parse().ok())
    };
    by_hint.or_else(by_claim)
}

/// Returns whether an authentication before the request was opened is too old. One since then is recent enough, however long
/// the user takes to consent.
fn is_too_old(request: &AuthorizationRequest, auth_time: Timestamp, now: Timestamp) -> bool {
    let expired = |max_age: u32| auth_time + Duration::from_secs(max_age.into()) < now;
    request.prompts.contains(Prompt::Login) || request.max_age.is_some_and(expired)
}

/// Returns whether the session reaches what the client asked for as essential (OpenID Connect Core §5.5.1.1).
fn reaches(request: &AuthorizationRequest, acr: &str) -> bool {
    let essential = request
        .claims
        .as_ref()
        .map(|claims| claims.essential_acr())
        .unwrap_or_default();
    essential.is_empty() || essential.contains(&acr)
}

#[cfg(test)]
mod tests {
    use countersign_oauth::{ClaimsRequest, Prompts, ResponseMode};

    use super::*;
    use crate::features::oauth::authorization::request::AnswerTo;

    const NOW: Timestamp = Timestamp(1_000_000_000);
    const ADA: Uuid = Uuid::from_u128(1);
    const EVE: Uuid = Uuid::from_u128(2);

    fn request(prompt: &str) -> AuthorizationRequest {
        AuthorizationRequest {
            answer_to: AnswerTo {
                redirect_uri: "https://app.example.com/callback".to_owned(),
                native: false,
                mode: ResponseMode::Query,
                state: None,
            },
            audiences: Vec::new(),
            nonce: None,
            challenge: None,
            prompts: match prompt {
                "" => Prompts::default(),
                prompt => prompt.parse().unwrap(),
            },
            max_age: None,
            claims: None,
            login_hint: None,
            ui_locales: None,
            subject: None,
        }
    }

    /// Opened ten seconds ago.
    fn progress() -> Progress {
        Progress {
            opened_at: NOW - Duration::from_secs(10),
            chosen: false,
            consented: false,
            clicked: false,
        }
    }

    /// Signed in a minute ago, and has consented before.
    fn ada() -> Person<'static> {
        Person {
            account: ADA,
            auth_time: NOW - Duration::from_secs(60),
            acr: "aal1",
            has_consented: true,
            may_give_nothing: false,
        }
    }

    fn situation(person: Option<Person<'_>>) -> Situation<'_> {
        Situation {
            is_trusted: false,
            is_sign_up_open: true,
            is_target_gone: false,
            person,
            now: NOW,
        }
    }

    /// The name of a step, or the code of a refusal.
    fn named(step: &Step) -> String {
        match step {
            Step::Refuse(error) => error.code().as_str().to_owned(),
            step => format!("{step:?}"),
        }
    }

    #[track_caller]
    fn assert_step(request: &AuthorizationRequest, progress: Progress, situation: Situation<'_>, expected: &str) {
        let step = named(&next_step(request, &progress, &situation));
        assert_eq!(step, expected, "{:?}", request.prompts);
        // Without pages, an error stands for each of them.
        if request.prompts == Prompts::default() {
            let silent = AuthorizationRequest {
                prompts: "none".parse().unwrap(),
                ..request.clone()
            };
            let silently = named(&next_step(&silent, &progress, &situation));
            let is_right = match expected {
                "Issue" | "invalid_target" | "access_denied" | "login_required" => silently == expected,
                _ => silently.ends_with("_required"),
            };
            assert!(is_right, "{expected} is {silently} without pages");
        }
    }

    #[test]
    fn every_row_of_the_table() {
        let (none, fresh) = (situation(None), NOW - Duration::from_secs(5));
        for (prompt, expected) in [
            ("", "SignIn"),
            ("login", "SignIn"),
            ("select_account", "SignIn"),
            ("create", "SignUp"),
            ("none", "login_required"),
        ] {
            assert_step(&request(prompt), progress(), none, expected);
        }
        let closed = Situation {
            is_sign_up_open: false,
            ..none
        };
        assert_step(&request("create"), progress(), closed, "SignIn");
        for (prompt, expected) in [
            ("", "Issue"),
            ("none", "Issue"),
            ("login", "Reauthenticate"),
            ("consent", "Consent"),
            ("select_account", "ChooseAccount"),
            ("create", "ChooseAccount"),
            ("login consent", "Reauthenticate"),
            ("select_account login", "ChooseAccount"),
        ] {
            assert_step(&request(prompt), progress(), situation(Some(ada())), expected);
        }
        // A user who has signed in since then has chosen an account and was authenticated recently.
        let signed_in_since = Person {
            auth_time: fresh,
            ..ada()
        };
        for (prompt, expected) in [("login", "Issue"), ("select_account", "Issue"), ("consent", "Consent")] {
            assert_step(&request(prompt), progress(), situation(Some(signed_in_since)), expected);
        }
        let chosen = Progress {
            chosen: true,
            ..progress()
        };
        assert_step(&request("select_account"), chosen, situation(Some(ada())), "Issue");
        let gone = Situation {
            is_target_gone: true,
            ..situation(Some(ada()))
        };
        assert_step(&request(""), progress(), gone, "invalid_target");
    }

    #[test]
    fn another_account_than_the_expected_one() {
        let by_hint = AuthorizationRequest {
            subject: Some(EVE),
            ..request("")
        };
        let claims = |sub: &str| {
            let text = format!(r#"{{"id_token":{{"sub":{{"value":"{sub}"}}}}}}"#);
            Some(text.parse::<ClaimsRequest>().unwrap())
        };
        let by_claim = AuthorizationRequest {
            claims: claims(&EVE.to_string()),
            ..request("")
        };
        let impossible = AuthorizationRequest {
            claims: claims("nobody"),
            ..request("")
        };
        for expecting in [&by_hint, &by_claim, &impossible] {
            assert_step(expecting, progress(), situation(Some(ada())), "SignInAsOther");
            let since = Person {
                auth_time: NOW,
                ..ada()
            };
            assert_step(expecting, progress(), situation(Some(since)), "login_required");
            assert_step(expecting, progress(), situation(None), "SignIn");
        }
        let eve = Person { account: EVE, ..ada() };
        for expecting in [&by_hint, &by_claim] {
            assert_step(expecting, progress(), situation(Some(eve)), "Issue");
        }
    }

    #[test]
    fn an_authentication_is_too_old_only_if_it_was_before_the_request() {
        for (max_age, expected) in [
            (0, "Reauthenticate"),
            (59, "Reauthenticate"),
            (60, "Issue"),
            (10_000, "Issue"),
        ] {
            let asking = AuthorizationRequest {
                max_age: Some(max_age),
                ..request("")
            };
            assert_step(&asking, progress(), situation(Some(ada())), expected);
            let since = Person {
                auth_time: NOW - Duration::from_secs(10),
                ..ada()
            };
            assert_step(&asking, progress(), situation(Some(since)), "Issue");
        }
    }

    #[test]
    fn an_essential_acr_is_reached_or_refused() {
        let asking = |acr: &str| AuthorizationRequest {
            claims: Some(format!(r#"{{"id_token":{{"acr":{acr}}}}}"#).parse().unwrap()),
            ..request("")
        };
        for (acr, expected) in [
            (r#"{"essential":true,"value":"aal1"}"#, "Issue"),
            (r#"{"essential":true,"values":["aal2","aal1"]}"#, "Issue"),
            (
                r#"{"essential":true,"value":"aal2"}"#,
                "unmet_authentication_requirements",
            ),
            (r#"{"value":"aal2"}"#, "Issue"),
            ("null", "Issue"),
        ] {
            assert_step(&asking(acr), progress(), situation(Some(ada())), expected);
        }
    }

    #[test]
    fn consent_is_asked_of_users_who_have_not_given_it() {
        let new = Person {
            has_consented: false,
            ..ada()
        };
        assert_step(&request(""), progress(), situation(Some(new)), "Consent");
        let trusted = Situation {
            is_trusted: true,
            ..situation(Some(new))
        };
        assert_step(&request(""), progress(), trusted, "Issue");
        assert_step(&request("consent"), progress(), trusted, "Consent");
        // Withdrawn since.
        let consented = Progress {
            consented: true,
            ..progress()
        };
        assert_step(&request(""), consented, situation(Some(new)), "Consent");
        assert_step(&request("consent"), consented, situation(Some(ada())), "Issue");
        let nothing = Person {
            may_give_nothing: true,
            ..new
        };
        assert_step(&request(""), progress(), situation(Some(nothing)), "access_denied");
    }

    #[test]
    fn a_native_application_is_opened_by_a_click() {
        let mut native = request("");
        native.answer_to.native = true;
        assert_step(&native, progress(), situation(Some(ada())), "Confirm");
        for clicked in [
            Progress {
                clicked: true,
                ..progress()
            },
            Progress {
                consented: true,
                ..progress()
            },
        ] {
            assert_step(&native, clicked, situation(Some(ada())), "Issue");
        }
    }
}
