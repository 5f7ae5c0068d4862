//! A file with several names: symbolic links, hard links, renames.

use std::fs::{hard_link, rename};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use countersign_store::{DatabaseOptions, Db, OpenError, Role, query, sql};

use crate::place::{opened, run};

fn url(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}

async fn refusal(path: &Path, role: Role) -> OpenError {
    match Db::open(&DatabaseOptions::new(url(path), role)).await {
        Ok(_) => panic!("{} was opened as {role:?}", path.display()),
        Err(why) => why,
    }
}

async fn value(path: &Path, role: Role) -> i64 {
    let db = Db::open(&DatabaseOptions::new(url(path), role)).await.unwrap();
    let value = query(sql!("SELECT value FROM counters")).one(&db).await.unwrap();
    db.close().await.unwrap();
    value
}

fn with_suffix(path: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", path.display()))
}

#[tokio::test]
async fn a_symbolic_link_is_the_file_it_leads_to() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(at("real/deep")).unwrap();
    symlink("real", at("linked")).unwrap();
    symlink("linked/deep/a.db", at("link.db")).unwrap();
    symlink(at("link.db"), at("second.db")).unwrap();
    let real = at("real/deep/a.db");

    // The first start creates the target of the link.
    let db = opened(&url(&at("second.db"))).await;
    run(&db, "UPDATE counters SET value = 1").await;
    assert!(with_suffix(&real, "-wal").exists() && with_suffix(&real, "-lock").exists());
    let names = [
        at("link.db"),
        at("second.db"),
        real.clone(),
        at("linked/deep/a.db"),
        at("real/deep/../../linked/deep/./a.db"),
    ];
    for name in &names {
        let refused = refusal(name, Role::Server).await;
        assert!(
            matches!(refused, OpenError::InUse { .. }),
            "{}: {refused}",
            name.display()
        );
        assert_eq!(value(name, Role::Admin).await, 1, "{}", name.display());
    }
    // As after a crash: committed data is found under any name.
    drop(db);
    for name in &names {
        assert_eq!(value(name, Role::Server).await, 1, "{}", name.display());
    }
}

#[tokio::test]
async fn a_file_with_two_names_is_refused_under_both() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one.db"), folder.path().join("two.db"));
    opened(&url(&one)).await.close().await.unwrap();
    hard_link(&one, &two).unwrap();
    let link = folder.path().join("link.db");
    symlink(&two, &link).unwrap();
    for name in [&one, &two, &link] {
        for role in [Role::Server, Role::Admin] {
            let why = refusal(name, role).await.to_string();
            assert!(why.contains("2 hard links") && why.contains("-samefile"), "{why}");
        }
    }
    std::fs::remove_file(&one).unwrap();
    assert_eq!(value(&two, Role::Server).await, 0);
}

#[tokio::test]
async fn a_file_that_was_renamed_while_a_server_has_it_is_refused_under_its_new_name() {
    let folder = tempfile::tempdir().unwrap();
    let (before, after) = (folder.path().join("before.db"), folder.path().join("after.db"));
    let db = opened(&url(&before)).await;
    rename(&before, &after).unwrap();
    for role in [Role::Server, Role::Admin] {
        let why = refusal(&after, role).await.to_string();
        assert!(why.contains("under another name"), "{why}");
    }
    // A refusal does not affect the server.
    run(&db, "UPDATE counters SET value = 7").await;
    rename(&after, &before).unwrap();
    assert_eq!(value(&before, Role::Admin).await, 7);
    db.close().await.unwrap();
    rename(&before, &after).unwrap();
    assert_eq!(value(&after, Role::Server).await, 7);
}

#[tokio::test]
async fn what_is_no_file_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("folder.db")).unwrap();
    symlink("round.db", at("round.db")).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(at("socket.db")).unwrap();
    let cases = [
        (at("folder.db"), "not a file"),
        (at("round.db"), "loop"),
        (at("socket.db"), "not a file"),
        (PathBuf::from("/dev/null"), "not a file"),
    ];
    for (path, words) in cases {
        for role in [Role::Server, Role::Admin] {
            let why = refusal(&path, role).await.to_string();
            assert!(why.contains(words), "{why}");
        }
    }
    drop(socket);
    assert!(!Path::new("/dev/null-lock").exists());
}

#[tokio::test]
async fn a_lock_that_is_a_link_does_not_lead_to_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    opened(&url(&path)).await.close().await.unwrap();
    let (lock, whole) = (with_suffix(&path, "-lock"), std::fs::read(&path).unwrap());
    std::fs::remove_file(&lock).unwrap();
    symlink(&path, &lock).unwrap();
    let why = refusal(&path, Role::Server).await.to_string();
    assert!(why.contains("symbolic link"), "{why}");
    assert_eq!(
        std::fs::read(&path).unwrap(),
        whole,
        "the lock was written into the database"
    );
    // Nor is another file at that path overwritten.
    std::fs::remove_file(&lock).unwrap();
    std::fs::write(&lock, "perhaps the only backup of something").unwrap();
    let why = refusal(&path, Role::Server).await.to_string();
    assert!(why.contains("move it elsewhere"), "{why}");
    assert!(std::fs::read_to_string(&lock).unwrap().contains("only backup"));
}
