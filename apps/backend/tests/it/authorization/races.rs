//! A client or its redirect URI that is removed while a request is answered, after the checks and before the transaction that
//! issues the code.

use std::sync::Arc;

use countersign_testkit::{Database, apply, on_both_databases};

use super::*;
use crate::held::Held;

/// The fail point before that transaction.
const PLACE: &str = "authorization::issue";

#[derive(Clone, Copy, Debug)]
enum Removed {
    RedirectUri,
    Client,
}

impl Removed {
    /// Removes it when the request is held. Another task does so, because the request blocks its own.
    fn when_held(self, server: &TestServer) -> tokio::task::JoinHandle<()> {
        let held = Arc::new(Held::at(PLACE));
        let clients = server.services.clients.clone();
        tokio::spawn(async move {
            held.reached().await;
            let caller = Caller::server();
            match self {
                Self::RedirectUri => {
                    let other = |uri: &countersign_oauth::RedirectUri| uri.to_string() != CALLBACK;
                    clients
                        .update(
                            "grafana",
                            |metadata, _| {
                                metadata.redirect_uris.retain(other);
                                Ok(())
                            },
                            &caller,
                        )
                        .await
                        .unwrap();
                }
                Self::Client => assert!(clients.set_disabled("grafana", true, &caller).await.unwrap()),
            }
            held.release();
        })
    }

    async fn restore(self, server: &TestServer) {
        let (clients, caller) = (&server.services.clients, Caller::server());
        match self {
            Self::RedirectUri => {
                let add = |metadata: &mut countersign_oauth::ClientMetadata, _: &mut bool| {
                    metadata.redirect_uris.push(CALLBACK.parse().unwrap());
                    Ok(())
                };
                clients.update("grafana", add, &caller).await.unwrap();
            }
            Self::Client => assert!(clients.set_disabled("grafana", false, &caller).await.unwrap()),
        }
    }
}

/// RFC 6749 §4.1.2.1: the browser is redirected only to a redirect URI that is registered. Neither a code nor an error goes to
/// one that no longer is.
#[apply(on_both_databases!)]
async fn o_2_a_redirect_uri_that_is_removed_meanwhile_is_not_redirected_to(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    code_of(&mut ada, &[]).await;
    let codes = async || {
        statement(sql!("SELECT count(*) FROM authorization_codes"))
            .one::<i64>(&server.services.db)
            .await
            .unwrap()
    };
    let issued = codes().await;
    for removed in [Removed::RedirectUri, Removed::Client] {
        // Answered at once, with and without pages.
        for changes in [&[][..], &[("prompt", "none")]] {
            let removing = removed.when_held(&server);
            let answer = ada.get(&authorize(changes)).await;
            removing.await.unwrap();
            assert_page(&answer, &format!("{removed:?} {changes:?}"));
            removed.restore(&server).await;
            // Nothing is wrong with the request itself.
            assert_eq!(Arrived::of(&ada.get(&authorize(changes)).await).at, CALLBACK);
        }
        // Answered after a page: by the user's decision.
        let here = begun(&mut ada, &[("prompt", "consent")]).await;
        let shown = field_of(&ada.get(&here).await.assert_status(200), "shown").unwrap();
        let removing = removed.when_held(&server);
        let answer = ada.post(&here, &[("decision", "allow"), ("shown", &shown)]).await;
        removing.await.unwrap();
        assert_page(&answer, &format!("{removed:?} after a page"));
        removed.restore(&server).await;
        // And by the page itself, when the user has signed in for it.
        let mut other = Browser::new(&server);
        let here = begun(&mut other, &[]).await;
        let fields = [("email", "ada@example.com"), ("password", PASSWORD)];
        other
            .post(&format!("/signin?return_to={here}"), &fields)
            .await
            .assert_status(303);
        let removing = removed.when_held(&server);
        let answer = other.get(&here).await;
        removing.await.unwrap();
        assert_page(&answer, &format!("{removed:?} after signing in"));
        removed.restore(&server).await;
    }
    // Only the two per kind that were requested with nothing removed.
    assert_eq!(codes().await, issued + 4);
}

/// A consent is not stored for a session that ended while its form was processed.
#[apply(on_both_databases!)]
async fn o_20_a_session_that_ends_meanwhile_allows_nothing(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let here = begun(&mut ada, &[]).await;
    let shown = field_of(&ada.get(&here).await.assert_status(200), "shown").unwrap();
    let held = Arc::new(Held::at("authorization::consent"));
    let services = server.services.clone();
    let ending = tokio::spawn(async move {
        held.reached().await;
        let email = "ada@example.com".parse().unwrap();
        let account = accounts::find_by_email(&services.db, &email).await.unwrap().unwrap();
        assert!(services.operator.set_disabled(account.id, true).await.unwrap());
        held.release();
    });
    let answer = ada.post(&here, &[("decision", "allow"), ("shown", &shown)]).await;
    ending.await.unwrap();
    assert_eq!(answer.status, 303, "{}", answer.text);
    let consents = statement(sql!("SELECT count(*) FROM consents"));
    assert_eq!(consents.one::<i64>(&server.services.db).await.unwrap(), 0);
    let allowed = statement(sql!(
        "SELECT count(*) FROM audit_events WHERE kind = 'application.allowed'"
    ));
    assert_eq!(allowed.one::<i64>(&server.services.db).await.unwrap(), 0);
}
