//! Guessing codes, and flooding mailboxes.

use countersign_store::{query, sql};
use countersign_testkit::{Answer, Database, PASSWORD, TestServer, apply, on_both_databases};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{register, verified};

/// A handle that belongs to no request.
const HANDLE: &str = "csh_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A code other than this one.
fn wrong(code: &str, by: usize) -> String {
    let number: usize = code.parse().unwrap();
    format!("{:06}", (number + 1 + by) % 1_000_000)
}

/// A request for an email, and the code in the email.
struct Asked {
    handle: Value,
    code: String,
}

async fn confirm(server: &TestServer, asked: &Asked, code: &str) -> Answer {
    let answer = json!({ "email": "ada@example.com", "code": code, "handle": asked.handle });
    server.post("/api/auth/login/email/confirm", answer).await
}

async fn ask(server: &TestServer) -> Asked {
    let asked = server
        .post("/api/auth/login/email", json!({ "email": "ada@example.com" }))
        .await
        .assert_status(202)
        .json();
    Asked {
        handle: asked["handle"].clone(),
        code: server.mail().await.code(),
    }
}

#[apply(on_both_databases!)]
async fn r_67_a_code_allows_five_guesses(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    let asked = ask(&server).await;
    for by in 0..4 {
        confirm(&server, &asked, &wrong(&asked.code, by))
            .await
            .assert_problem(400, "invalid_code");
    }
    confirm(&server, &asked, &wrong(&asked.code, 4))
        .await
        .assert_problem(400, "invalid_code");
    // The count is in the database, which all nodes share and which survives restarts.
    let counted: Vec<i64> = query(sql!(
        "SELECT code_attempts FROM email_challenges WHERE purpose = 'sign_in'"
    ))
    .all(&server.services.db)
    .await
    .unwrap();
    assert_eq!(counted, [5]);
    confirm(&server, &asked, &asked.code)
        .await
        .assert_problem(400, "invalid_code");
    // A new code can be guessed again.
    let asked = ask(&server).await;
    confirm(&server, &asked, &asked.code).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn many_guesses_at_once_are_no_more_than_five(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    let asked = ask(&server).await;
    let guesses: Vec<_> = (0..30).map(|by| wrong(&asked.code, by)).collect();
    join_all(guesses.iter().map(|guess| confirm(&server, &asked, guess))).await;
    confirm(&server, &asked, &asked.code)
        .await
        .assert_problem(400, "invalid_code");
}

#[apply(on_both_databases!)]
async fn fifty_guesses_end_all_codes_of_an_account_until_a_link_proves_the_address(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    for round in 0..10 {
        let asked = ask(&server).await;
        for by in 0..5 {
            confirm(&server, &asked, &wrong(&asked.code, round * 5 + by))
                .await
                .assert_problem(400, "invalid_code");
        }
    }
    let asked = ask(&server).await;
    confirm(&server, &asked, &asked.code)
        .await
        .assert_problem(400, "invalid_code");
    // The owner is not locked out: the link in the same email works, and so do later codes.
    server
        .post("/api/auth/login/email", json!({ "email": "ada@example.com" }))
        .await
        .assert_status(202);
    let token = server.mail().await.token();
    server
        .post("/api/auth/login/email/confirm", json!({ "token": token }))
        .await
        .assert_status(200);
    let asked = ask(&server).await;
    confirm(&server, &asked, &asked.code).await.assert_status(200);
}

#[apply(on_both_databases!)]
async fn a_23_c_63_f_6_one_of_fifty_concurrent_answers_succeeds(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    for by_code in [false, true] {
        let asked = server
            .post("/api/auth/login/email", json!({ "email": "ada@example.com" }))
            .await
            .assert_status(202)
            .json();
        let mail = server.mail().await;
        // A code allows five guesses, right or wrong.
        let (racers, answer) = match by_code {
            false => (50, json!({ "token": mail.token() })),
            true => (
                5,
                json!({ "email": mail.to, "code": mail.code(), "handle": asked["handle"] }),
            ),
        };
        let race = (0..racers).map(|_| server.post("/api/auth/login/email/confirm", answer.clone()));
        let answers = join_all(race).await;
        let won = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(
            won,
            1,
            "{:?}",
            answers.iter().map(|answer| answer.status).collect::<Vec<_>>()
        );
        assert!(answers.iter().all(|answer| matches!(answer.status.as_u16(), 200 | 400)));
    }
}

#[apply(on_both_databases!)]
async fn f_6_one_of_twenty_concurrent_resets_succeeds(database: Database) {
    let server = TestServer::start(database).await;
    verified(&server, "ada").await;
    server
        .post("/api/auth/recover", json!({ "email": "ada@example.com" }))
        .await
        .assert_status(202);
    let token = server.mail().await.token();
    let race = (0..20).map(|by| {
        let answer = json!({ "token": token, "new_password": format!("umbrella number {by} for tests") });
        server.post("/api/auth/recover/confirm", answer)
    });
    let answers = join_all(race).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 204).count(), 1);
}

#[apply(on_both_databases!)]
async fn f_20_a_guess_refused_under_overload_does_not_count(database: Database) {
    let toml = "[limits]\ncodes_per_address = \"30/15m\"\nlogin_per_address = \"1000/1m\"\n[hashing]\nworkers = 1\nqueue = 1\n";
    let server = TestServer::start_with(database, toml).await;
    verified(&server, "ada").await;
    let asked = ask(&server).await;
    let (mut judged, mut refused) = (0, 0);
    let crowd = crowd(&server);
    while judged < 4 && judged + refused < 10 {
        match confirm(&server, &asked, &wrong(&asked.code, judged + refused))
            .await
            .status
            .as_u16()
        {
            400 => judged += 1,
            503 => refused += 1,
            other => panic!("{other}"),
        }
    }
    drop(crowd);
    assert!(refused > 0, "no request was refused");
    let counted: Vec<i64> = query(sql!(
        "SELECT code_attempts FROM email_challenges WHERE purpose = 'sign_in'"
    ))
    .all(&server.services.db)
    .await
    .unwrap();
    assert_eq!(counted, [i64::try_from(judged).unwrap()]);
    calm(&server).await;
    confirm(&server, &asked, &asked.code).await.assert_status(200);
    // Only the wrong guesses count against the network's own limit.
    let asked = ask(&server).await;
    let mut more = 0;
    while confirm(&server, &asked, &wrong(&asked.code, more)).await.status == 400 {
        more += 1;
    }
    assert_eq!(judged + more, 30);
}

#[apply(on_both_databases!)]
async fn f_20_a_code_survives_resets_refused_under_overload(database: Database) {
    let server = TestServer::start_with(database, "[hashing]\nworkers = 1\nqueue = 1\n").await;
    verified(&server, "ada").await;
    let asked = server
        .post("/api/auth/recover", json!({ "email": "ada@example.com" }))
        .await
        .assert_status(202)
        .json();
    let code = server.mail().await.code();
    let reset = |guess: String| {
        let answer = json!({ "email": "ada@example.com", "code": guess, "handle": asked["handle"], "new_password": "another umbrella" });
        server.post("/api/auth/recover/confirm", answer)
    };
    let (mut judged, mut refused) = (0, 0);
    let crowd = crowd(&server);
    while judged < 4 && judged + refused < 10 {
        match reset(wrong(&code, judged + refused)).await.status.as_u16() {
            400 => judged += 1,
            503 => refused += 1,
            other => panic!("{other}"),
        }
    }
    drop(crowd);
    assert!(refused > 0, "no request was refused");
    calm(&server).await;
    reset(code).await.assert_status(204);
}

#[apply(on_both_databases!)]
async fn deleting_the_account_gives_no_new_guesses(database: Database) {
    let server = TestServer::start(database).await;
    let mut judged = 0;
    for _ in 0..18 {
        register(&server, "victim@example.com", PASSWORD)
            .await
            .assert_status(201);
        let code = server.mail().await.code();
        let victim = server.sign_in("victim").await;
        for by in 0..5 {
            let guess = json!({ "email": "victim@example.com", "code": wrong(&code, by) });
            victim
                .post("/api/auth/verify-email/confirm", guess)
                .await
                .assert_problem(400, "invalid_code");
        }
        judged += 5;
        let right = json!({ "email": "victim@example.com", "code": code });
        // A code allows five guesses, however many are left in total.
        victim
            .post("/api/auth/verify-email/confirm", right)
            .await
            .assert_problem(400, "invalid_code");
        delete(&server, "victim@example.com").await;
    }
    assert_eq!(judged, 90);
    // The fifty guesses of this email address were used up long before: even a right first guess at the newest code
    // fails.
    register(&server, "Victim@Example.COM", PASSWORD)
        .await
        .assert_status(201);
    let mail = server.mail().await;
    let right = json!({ "email": "victim@example.com", "code": mail.code() });
    let victim = server.sign_in("victim").await;
    victim
        .post("/api/auth/verify-email/confirm", right)
        .await
        .assert_problem(400, "invalid_code");
    // The owner of the mailbox is not locked out, and has all guesses again.
    server
        .post(
            "/api/auth/verify-email/confirm",
            json!({ "token": mail.token(), "password": PASSWORD }),
        )
        .await
        .assert_status(204);
    let counted: Vec<i64> = query(sql!("SELECT guesses FROM guess_counts"))
        .all(&server.services.db)
        .await
        .unwrap();
    assert_eq!(counted, Vec::<i64>::new());
}

#[apply(on_both_databases!)]
async fn guesses_are_counted_by_address_for_thirty_days(database: Database) {
    let server = TestServer::start(database).await;
    for _ in 0..10 {
        register(&server, "victim@example.com", PASSWORD)
            .await
            .assert_status(201);
        let code = server.mail().await.code();
        let victim = server.sign_in("victim").await;
        for by in 0..5 {
            let guess = json!({ "email": "victim@example.com", "code": wrong(&code, by) });
            victim
                .post("/api/auth/verify-email/confirm", guess)
                .await
                .assert_problem(400, "invalid_code");
        }
        delete(&server, "victim@example.com").await;
    }
    let days = |days: u64| std::time::Duration::from_secs(days * 24 * 3600);
    for (wait, status) in [(days(29), 400), (days(2), 204)] {
        server.services.clock.advance(wait);
        register(&server, "victim@example.com", PASSWORD)
            .await
            .assert_status(201);
        let right = json!({ "email": "victim@example.com", "code": server.mail().await.code() });
        let victim = server.sign_in("victim").await;
        victim
            .post("/api/auth/verify-email/confirm", right)
            .await
            .assert_status(status);
        delete(&server, "victim@example.com").await;
    }
    // Counters that are no longer needed are removed.
    server.services.clock.advance(days(31));
    server.services.mail.sweep().await.unwrap();
    let left: Vec<i64> = query(sql!("SELECT guesses FROM guess_counts"))
        .all(&server.services.db)
        .await
        .unwrap();
    assert_eq!(left, Vec::<i64>::new());
}

#[apply(on_both_databases!)]
async fn guessing_from_one_network_is_limited_across_accounts(database: Database) {
    let server = TestServer::start_with(database, "[limits]\ncodes_per_address = \"4/15m\"\n").await;
    for by in 0..4 {
        let answer = json!({ "email": format!("nobody{by}@example.com"), "code": "000000", "handle": HANDLE });
        server
            .post("/api/auth/login/email/confirm", answer)
            .await
            .assert_problem(400, "invalid_code");
    }
    let answer = json!({ "email": "nobody@example.com", "code": "000000", "handle": HANDLE });
    server
        .post("/api/auth/recover/confirm", with_password(answer))
        .await
        .assert_problem(429, "rate_limited");
}

#[apply(on_both_databases!)]
async fn r_68_c_23_no_mailbox_is_flooded(database: Database) {
    let server = TestServer::start_with(database, "[limits]\nemails_per_address = \"1000/1h\"\n").await;
    register(&server, "ada@example.com", PASSWORD).await.assert_status(201);
    server.mails().await;
    let race = (0..20).map(|_| server.post("/api/auth/recover", json!({ "email": "Ada@Example.com" })));
    let answers = join_all(race).await;
    let bodies: std::collections::BTreeSet<_> = answers
        .into_iter()
        .map(|answer| answer.assert_status(202).json()["message"].to_string())
        .collect();
    assert_eq!(bodies.len(), 1);
    assert_eq!(server.mails().await.len(), 3);
    // An hour later, three more are allowed.
    server.services.clock.advance(std::time::Duration::from_secs(3600));
    server
        .post("/api/auth/recover", json!({ "email": "ada@example.com" }))
        .await
        .assert_status(202);
    assert_eq!(server.mails().await.len(), 1);
}

#[apply(on_both_databases!)]
async fn mails_from_one_network_are_limited_across_recipients(database: Database) {
    let server = TestServer::start_with(database, "[limits]\nemails_per_address = \"3/1h\"\n").await;
    for (by, path) in ["/api/auth/recover", "/api/auth/verify-email", "/api/auth/login/email"]
        .iter()
        .enumerate()
    {
        server
            .post(path, json!({ "email": format!("p{by}@example.com") }))
            .await
            .assert_status(202);
    }
    let limited = server
        .post("/api/auth/recover", json!({ "email": "p4@example.com" }))
        .await
        .assert_problem(429, "rate_limited");
    assert_ne!(limited.header("retry-after"), "");
}

/// Keeps the only hashing thread and the only place in the queue occupied most of the time, until it is dropped.
fn crowd(server: &TestServer) -> JoinSet<()> {
    let mut crowd = JoinSet::new();
    for _ in 0..8 {
        let hasher = server.services.hasher.clone();
        crowd.spawn(async move {
            loop {
                let _ = hasher.verify("busy".to_owned().into(), None).await;
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        });
    }
    crowd
}

/// Waits until passwords can be hashed again.
async fn calm(server: &TestServer) {
    while server
        .services
        .hasher
        .verify("calm".to_owned().into(), None)
        .await
        .is_err()
    {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// Deletes the account, as its owner or as the one who created it.
async fn delete(server: &TestServer, email: &str) {
    let person = server.sign_in(email.split('@').next().unwrap()).await;
    person
        .delete("/api/auth/me", json!({ "password": PASSWORD }))
        .await
        .assert_status(204);
}

fn with_password(mut answer: Value) -> Value {
    answer["new_password"] = json!(PASSWORD);
    answer
}
