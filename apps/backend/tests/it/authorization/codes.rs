//! Codes: used once, by whom they were issued to, and only while everything that they were issued for holds.

use countersign::core::ids::SessionId;
use countersign_testkit::{Database, apply, on_both_databases};

use super::*;

/// Returns whether a grant is active.
async fn lives(server: &TestServer, grant: SessionId) -> bool {
    let revoked: Option<i64> = statement(sql!("SELECT revoked_at FROM sessions WHERE id = $1"))
        .bind(grant)
        .one(&server.services.db)
        .await
        .unwrap();
    revoked.is_none()
}

/// Returns the number of active grants.
async fn grants(server: &TestServer) -> i64 {
    statement(sql!(
        "SELECT count(*) FROM sessions WHERE client_id <> 'countersign' AND revoked_at IS NULL"
    ))
    .one(&server.services.db)
    .await
    .unwrap()
}

#[apply(on_both_databases!)]
async fn o_22_r_23_a_47_c_56_a_code_works_once_and_its_second_use_ends_the_grant(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let code = code_of(&mut ada, &[]).await;
    let redeemed = redeem(&server, &code, Presented::default()).await.unwrap();
    assert!(lives(&server, redeemed.session.id).await);
    assert!(redeemed.refresh_token.is_some());
    assert_eq!(
        refused(redeem(&server, &code, Presented::default()).await),
        "invalid_grant"
    );
    assert!(!lives(&server, redeemed.session.id).await, "a used code ends its grant");
    // A code that leaked and was presented by another client is a used code too.
    let code = code_of(&mut ada, &[]).await;
    let redeemed = redeem(&server, &code, Presented::default()).await.unwrap();
    let other = Presented {
        client: "trusted",
        ..Presented::default()
    };
    assert_eq!(refused(redeem(&server, &code, other).await), "invalid_grant");
    assert!(!lives(&server, redeemed.session.id).await);
}

#[apply(on_both_databases!)]
async fn o_22_of_fifty_redemptions_at_once_one_succeeds_at_most(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let mut nodes = vec![server.services.clone()];
    if database == Database::Postgres {
        nodes.push(server.another_node().await);
    }
    for _ in 0..3 {
        let code = code_of(&mut ada, &[]).await;
        let attempts = (0..50).map(|number| {
            let (node, code) = (nodes[number % nodes.len()].clone(), code.clone());
            tokio::spawn(async move { redeem_at(&node, &code, Presented::default()).await })
        });
        let attempts: Vec<_> = attempts.collect();
        let mut won = Vec::new();
        for attempt in attempts {
            match attempt.await.unwrap() {
                Ok(redeemed) => won.push(redeemed.session.id),
                Err(RedeemError::InvalidGrant(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        assert!(won.len() <= 1, "{won:?}");
        for grant in won {
            assert!(
                !lives(&server, grant).await,
                "the losers have shown that the code leaked"
            );
        }
        assert_eq!(grants(&server).await, 0);
    }
}

#[apply(on_both_databases!)]
async fn o_23_r_24_r_27_c_54_x_5_a_48_a_wrong_presentation_is_refused_and_spends_nothing(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let right = Presented::default();
    for (what, wrong) in [
        (
            "another client",
            Presented {
                client: "trusted",
                ..right
            },
        ),
        ("another confidential client", Presented { client: "old", ..right }),
        (
            "no redirect URI",
            Presented {
                redirect_uri: None,
                ..right
            },
        ),
        (
            "another registered redirect URI",
            Presented {
                redirect_uri: Some("https://grafana.example.com/other?x=y"),
                ..right
            },
        ),
        (
            "an empty redirect URI",
            Presented {
                redirect_uri: Some(""),
                ..right
            },
        ),
        (
            "no verifier",
            Presented {
                verifier: None,
                ..right
            },
        ),
        (
            "another verifier",
            Presented {
                verifier: Some("another-verifier-that-is-long-enough-as-well"),
                ..right
            },
        ),
        (
            "a short verifier",
            Presented {
                verifier: Some("short"),
                ..right
            },
        ),
        (
            "an empty verifier",
            Presented {
                verifier: Some(""),
                ..right
            },
        ),
        (
            "the challenge as verifier",
            Presented {
                verifier: Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
                ..right
            },
        ),
    ] {
        let code = code_of(&mut ada, &[]).await;
        assert_eq!(refused(redeem(&server, &code, wrong).await), "invalid_grant", "{what}");
        assert_eq!(refused(redeem(&server, &code, right).await), "redeemed", "{what}");
    }
    let code = code_of(&mut ada, &[]).await;
    let elsewhere = Presented {
        resource: Some("https://api.example.com"),
        ..right
    };
    assert_eq!(refused(redeem(&server, &code, elsewhere).await), "invalid_target");
    assert_eq!(refused(redeem(&server, &code, right).await), "redeemed");
    // A code lives for a minute.
    let code = code_of(&mut ada, &[]).await;
    server.services.clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(refused(redeem(&server, &code, right).await), "invalid_grant");
    for unknown in [
        "",
        "x",
        "csa_",
        &format!("csa_{}", challenge()),
        &code.replace("csa_", "csr_"),
    ] {
        assert_eq!(
            refused(redeem(&server, unknown, right).await),
            "invalid_grant",
            "{unknown}"
        );
    }
}

/// Nothing in a code can be edited: it is one random value.
#[apply(on_both_databases!)]
async fn o_23_x_3_an_edited_code_is_unknown_and_spends_nothing(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let mut eve = Browser::sign_up(&server, "eve").await;
    let (of_ada, of_eve) = (code_of(&mut ada, &[]).await, code_of(&mut eve, &[]).await);
    let half = of_ada.len() / 2;
    let mut edited = vec![
        format!("{}{}", &of_ada[..half], &of_eve[half..]),
        format!("{}{}", &of_eve[..half], &of_ada[half..]),
        of_ada[..of_ada.len() - 1].to_owned(),
        format!("{of_ada}A"),
        of_ada.to_uppercase(),
    ];
    for at in 0..of_ada.len() {
        let other = if &of_ada[at..=at] == "A" { "B" } else { "A" };
        edited.push(format!("{}{other}{}", &of_ada[..at], &of_ada[at + 1..]));
    }
    for code in &edited {
        assert_eq!(
            refused(redeem(&server, code, Presented::default()).await),
            "invalid_grant",
            "{code}"
        );
    }
    for code in [&of_ada, &of_eve] {
        assert_eq!(refused(redeem(&server, code, Presented::default()).await), "redeemed");
    }
}

#[apply(on_both_databases!)]
async fn o_24_anything_that_ends_before_redemption_ends_the_code(database: Database) {
    let server = server(database).await;
    for what in [
        "signed out",
        "disabled",
        "password changed",
        "withdrawn",
        "client disabled",
        "deleted",
    ] {
        let name = what.replace(' ', "-");
        let mut person = Browser::sign_up(&server, &name).await;
        let code = code_of(&mut person, &[("scope", "openid offline_access")]).await;
        let email = format!("{name}@example.com");
        match what {
            "signed out" => {
                person.post("/signout", &[]).await.assert_status(303);
            }
            "disabled" => {
                disable_account(&server, &email).await;
            }
            "password changed" => {
                let fields = [
                    ("current_password", PASSWORD),
                    ("new_password", "another umbrella for tests"),
                ];
                person.post("/account/password", &fields).await.assert_status(303);
            }
            "withdrawn" => {
                let answer = person.post("/account/apps", &[("client", "grafana")]).await;
                assert_eq!(
                    answer.assert_status(303).header("location"),
                    "/account/apps?done=withdrew"
                );
            }
            "client disabled" => disable(&server, "grafana").await,
            _ => {
                person
                    .post("/account/delete", &[("delete_password", PASSWORD)])
                    .await
                    .assert_status(303);
            }
        }
        let result = refused(redeem(&server, &code, Presented::default()).await);
        assert_eq!(result, "invalid_grant", "{what}");
        if what == "client disabled" {
            enable(&server, "grafana").await;
        }
        let account = statement(sql!(
            "SELECT count(*) FROM sessions WHERE client_id <> 'countersign' AND revoked_at IS NULL AND account_id = (SELECT id FROM accounts WHERE email = $1)"
        ));
        let left: i64 = account.bind(&*email).one(&server.services.db).await.unwrap();
        assert_eq!(left, 0, "{what}");
    }
}
