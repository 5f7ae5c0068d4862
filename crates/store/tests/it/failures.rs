//! Deadlocks, silent connections and invalid statements, on PostgreSQL only.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use countersign_store::{DatabaseOptions, Db, Lookup, Role, StoreError, Tx, query, sql};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;
use uuid::Uuid;

use crate::place::{Place, on, opened, run};

async fn add_one(tx: &mut Tx<'_>, id: i64) -> Result<u64, StoreError> {
    query(sql!("UPDATE counters SET value = value + 1 WHERE id = $1"))
        .bind(id)
        .execute(tx)
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_deadlock_are_retried() {
    on(Place::postgres().await, |url| async move {
        let db = opened(&url).await;
        run(&db, "INSERT INTO counters (id, value) VALUES (2, 0)").await;
        let (both_hold_one, attempts) = (Arc::new(Barrier::new(2)), Arc::new(AtomicU32::new(0)));
        let crosswise = [(1, 2), (2, 1)].map(|(first, second)| {
            let (db, both_hold_one, attempts) = (db.clone(), both_hold_one.clone(), attempts.clone());
            tokio::spawn(async move {
                let (both_hold_one, attempts, is_first) = (&both_hold_one, &attempts, &AtomicBool::new(true));
                db.transact(|tx| {
                    Box::pin(async move {
                        attempts.fetch_add(1, Ordering::Relaxed);
                        add_one(tx, first).await?;
                        if is_first.swap(false, Ordering::Relaxed) {
                            both_hold_one.wait().await;
                        }
                        add_one(tx, second).await
                    })
                })
                .await
            })
        });
        for transaction in crosswise {
            assert_eq!(transaction.await.unwrap().unwrap(), 1);
        }
        assert!(attempts.load(Ordering::Relaxed) > 2, "one of them was a victim");
        let sum: i64 = query(sql!("SELECT CAST(SUM(value) AS BIGINT) FROM counters"))
            .one(&db)
            .await
            .unwrap();
        assert_eq!(sum, 4);
        db.close().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_went_silent_in_a_transaction_is_not_lent_again() {
    on(Place::postgres().await, |url| async move {
        drop(opened(&url).await);
        let link = Link::before(&url).await;
        let db = with_one(&link.url).await;
        let silenced = &link;
        let begun = db.transact(|tx| {
            Box::pin(async move {
                add_one(tx, 1).await?;
                silenced.falls_silent();
                add_one(tx, 1).await
            })
        });
        assert!(matches!(begun.await, Err(StoreError::Unavailable(_))));
        // The only connection that the pool may have is still silent; only a new one works.
        let value = query(sql!("SELECT value FROM counters")).one::<i64>(&db).await;
        assert!(matches!(value, Ok(0)), "{value:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lookups_on_a_connection_that_went_silent_are_not_repeated() {
    on(Place::postgres().await, |url| async move {
        let db = opened(&url).await;
        run(&db, "CREATE TABLE keys (id UUID PRIMARY KEY)").await;
        let link = Link::before(&url).await;
        let one = sql!("SELECT id FROM keys WHERE id = $1");
        let several = sql! {
            sqlite: "SELECT id FROM keys WHERE id = $1",
            postgres: "SELECT id FROM keys WHERE id = ANY ($1)",
        };
        let lookup = Lookup::new(with_one(&link.url).await, one, several, |id: &Uuid| *id);
        assert_eq!(lookup.find(Uuid::nil()).await.unwrap(), None);
        link.falls_silent();
        let lookups: Vec<_> = (0..20)
            .map(|number| {
                let lookup = lookup.clone();
                tokio::spawn(async move { lookup.find(Uuid::from_u128(number)).await })
            })
            .collect();
        for found in lookups {
            let found = found.await.unwrap();
            assert!(matches!(found, Err(StoreError::Unavailable(_))), "{found:?}");
        }
        assert_eq!(lookup.find(Uuid::nil()).await.unwrap(), None, "a new connection works");
        db.close().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_of_the_wrong_type_is_a_fault_of_ours_and_not_of_the_link() {
    on(Place::postgres().await, |url| async move {
        let db = opened(&url).await;
        let (wrong_type, too_few, too_many) = (
            query(sql!("SELECT value FROM counters WHERE id = $1")).bind("one"),
            query(sql!("SELECT value FROM counters WHERE id = $1 AND value = $2")).bind(1_i64),
            query(sql!("SELECT value FROM counters WHERE id = $1"))
                .bind(1_i64)
                .bind(2_i64),
        );
        for wrong in [wrong_type, too_few, too_many] {
            let answer = wrong.optional::<i64>(&db).await;
            assert!(matches!(answer, Err(StoreError::Database(_))), "{answer:?}");
        }
        db.close().await.unwrap();
    })
    .await;
}

async fn with_one(url: &str) -> Db {
    Db::open(&DatabaseOptions {
        pool_size: Some(1),
        prepared: true,
        ..DatabaseOptions::new(url, Role::Server)
    })
    .await
    .unwrap()
}

/// A proxy on which existing connections can become silent while new ones work.
struct Link {
    url: String,
    silences: Arc<AtomicU32>,
}

impl Link {
    async fn before(url: &str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap();
        let (authority, path) = rest.split_once('/').unwrap();
        let (user, server) = authority.rsplit_once('@').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let silences = Arc::new(AtomicU32::new(0));
        let (silent, server) = (silences.clone(), server.to_owned());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (silent, made) = (silent.clone(), silent.load(Ordering::SeqCst));
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(pass(client, server, move || silent.load(Ordering::SeqCst) == made));
            }
        });
        Self {
            url: format!("{scheme}://{user}@127.0.0.1:{port}/{path}"),
            silences,
        }
    }

    fn falls_silent(&self) {
        self.silences.fetch_add(1, Ordering::SeqCst);
    }
}

/// Forwards bytes in both directions until it becomes silent; then both connections stay open without traffic.
async fn pass(mut client: TcpStream, mut server: TcpStream, speaks: impl Fn() -> bool) {
    let (mut up, mut down) = ([0; 8192], [0; 8192]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => match read {
                Ok(count @ 1..) if speaks() => server.write_all(&up[..count]).await.unwrap(),
                Ok(1..) => {}
                _ => return,
            },
            read = server.read(&mut down) => match read {
                Ok(count @ 1..) if speaks() => client.write_all(&down[..count]).await.unwrap(),
                Ok(1..) => {}
                _ => return,
            },
        }
    }
}
