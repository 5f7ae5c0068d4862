//! Tests of damaged files, crashes at every step, and readers during a change.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};

use countersign_jose::{KeyError, SigningAlg, SigningKey};
use tempfile::TempDir;

use super::place::{NEXT, NEXT_PRIVATE, NEXT_PUBLIC, PRIVATE, PUBLIC, RETIRED, retired_name};
use super::*;
use crate::core::clock::Timestamp;

const NOW: Timestamp = Timestamp(1_795_342_500_000);

struct Scratch {
    folder: KeyFolder,
    _dir: TempDir,
}

impl Scratch {
    fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            folder: KeyFolder::new(dir.path().join("secrets/jwt")),
            _dir: dir,
        }
    }

    fn with_key() -> (Self, SigningKey) {
        let (scratch, key) = (Self::empty(), SigningKey::generate().unwrap());
        scratch.folder.lock().unwrap().write_first(&key).unwrap();
        (scratch, key)
    }

    fn keys(&self) -> Result<FolderKeys, KeysError> {
        FolderKeys::read(&self.folder.snapshot()?, &self.folder, None)
    }

    fn kids(&self) -> (String, Option<String>, Vec<String>) {
        let keys = self.keys().unwrap();
        let keys = keys.ec;
        let next = keys.next.as_ref().map(|next| next.kid().to_owned());
        (
            keys.current.kid().to_owned(),
            next,
            keys.retired.keys().cloned().collect(),
        )
    }

    fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.folder.path(name)).unwrap().permissions().mode() & 0o777
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path(name), text).unwrap();
    }
}

#[test]
fn a_new_folder_is_private_and_reads_as_it_was_written() {
    let (scratch, key) = Scratch::with_key();
    assert_eq!(scratch.mode(""), 0o700);
    assert_eq!((scratch.mode(PRIVATE), scratch.mode(PUBLIC)), (0o600, 0o644));
    assert_eq!(scratch.kids(), (key.kid().to_owned(), None, vec![]));
    assert_eq!(files::names(scratch.folder.dir()).unwrap(), [PRIVATE, PUBLIC]);
}

#[test]
fn a_key_is_never_written_over() {
    let (scratch, key) = Scratch::with_key();
    let other = SigningKey::generate().unwrap();
    let refused = scratch.folder.lock().unwrap().write_first(&other);
    assert!(refused.unwrap_err().to_string().contains("private.pem"));
    assert_eq!(scratch.kids().0, key.kid());
}

#[test]
fn a_private_key_that_the_world_can_read_is_refused_with_the_remedy() {
    let (scratch, key) = Scratch::with_key();
    let private = scratch.folder.path(PRIVATE);
    for (mode, fine) in [
        (0o640, true),
        (0o440, true),
        (0o604, false),
        (0o602, false),
        (0o644, false),
    ] {
        fs::set_permissions(&private, fs::Permissions::from_mode(mode)).unwrap();
        match scratch.keys() {
            Ok(_) => assert!(fine, "{mode:o}"),
            Err(error) => {
                assert!(!fine, "{mode:o}");
                assert!(
                    error
                        .to_string()
                        .contains(&format!("run `chmod o-rwx {}`", private.display())),
                    "{error}"
                );
            }
        }
    }
    // A link may be readable by everyone; the permissions of its target count.
    let (real, mounted) = (scratch.folder.path("..data"), private);
    fs::rename(&mounted, &real).unwrap();
    symlink(&real, &mounted).unwrap();
    assert!(matches!(scratch.keys(), Err(KeysError::Exposed { mode: 0o644, .. })));
    fs::set_permissions(&real, fs::Permissions::from_mode(0o440)).unwrap();
    assert_eq!(scratch.kids().0, key.kid());
}

#[test]
fn damage_is_reported_with_the_file_and_the_remedy() {
    let other = SigningKey::generate().unwrap().verifying_key().to_spki_pem();
    let rsa = "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----\n";
    let cases: [(&str, &str, &str); 6] = [
        (PRIVATE, "", "private.pem: expected exactly one PEM block"),
        (PRIVATE, "garbage", "restore it from a backup"),
        (PRIVATE, rsa, "private.pem: expected exactly one PEM block"),
        (PUBLIC, &other, "was expected"),
        (PUBLIC, "garbage", "public.pem: expected exactly one PEM block"),
        ("retired/abc.pem", &other, "but abc was expected"),
    ];
    for (name, text, expected) in cases {
        let (scratch, _) = Scratch::with_key();
        fs::create_dir(scratch.folder.path(RETIRED)).unwrap();
        scratch.write(name, text);
        let error = scratch.keys().err().unwrap().to_string();
        assert!(error.contains(expected), "{name}: {error}");
        assert!(!error.contains("BEGIN"), "{error}");
    }
    let (scratch, _) = Scratch::with_key();
    fs::remove_file(scratch.folder.path(PRIVATE)).unwrap();
    assert!(matches!(scratch.keys(), Err(KeysError::Missing(path)) if path.ends_with(PRIVATE)));
}

#[test]
fn a_protected_key_asks_for_its_passphrase() {
    // openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 | openssl pkcs8 -topk8 -v2 aes-256-cbc -passout pass:sesame
    let (scratch, _) = Scratch::with_key();
    scratch.write(PRIVATE, include_str!("tests/protected.txt"));
    fs::remove_file(scratch.folder.path(PUBLIC)).unwrap();
    let read = |passphrase: Option<&str>| {
        let passphrase = passphrase.map(secrecy::SecretString::from);
        FolderKeys::read(
            &scratch.folder.snapshot().unwrap(),
            &scratch.folder,
            passphrase.as_ref(),
        )
    };
    for (passphrase, reason) in [
        (None, KeyError::NeedsPassphrase),
        (Some("wrong"), KeyError::WrongPassphrase),
    ] {
        let error = read(passphrase).err().unwrap();
        assert!(error.to_string().contains("`keys_passphrase`"), "{error}");
        assert!(matches!(error, KeysError::Unusable { source, .. } if source == reason));
    }
    assert!(read(Some("sesame")).is_ok());
}

#[test]
fn a_missing_public_half_is_derived_and_written_again_by_the_next_change() {
    let (scratch, key) = Scratch::with_key();
    fs::remove_file(scratch.folder.path(PUBLIC)).unwrap();
    assert_eq!(scratch.kids().0, key.kid());
    scratch.folder.lock().unwrap().repair(&scratch.keys().unwrap()).unwrap();
    assert_eq!(
        fs::read_to_string(scratch.folder.path(PUBLIC)).unwrap(),
        key.verifying_key().to_spki_pem()
    );
}

#[test]
fn an_activation_cut_short_at_any_step_is_finished_by_doing_it_again() {
    // The steps of `promote_next`, each leaving the folder as a crash after it would.
    let steps: [fn(&KeyFolder, &SigningKey); 5] = [
        |folder, old| {
            fs::create_dir_all(folder.path(RETIRED)).unwrap();
            fs::write(folder.path(&retired_name(old.kid())), old.verifying_key().to_spki_pem()).unwrap();
        },
        |folder, _| fs::remove_file(folder.path(PUBLIC)).unwrap(),
        |folder, _| fs::rename(folder.path(NEXT_PRIVATE), folder.path(PRIVATE)).unwrap(),
        |folder, _| fs::rename(folder.path(NEXT_PUBLIC), folder.path(PUBLIC)).unwrap(),
        |folder, _| fs::remove_dir(folder.path(NEXT)).unwrap(),
    ];
    for done in 0..=steps.len() {
        let (scratch, old) = Scratch::with_key();
        let new = SigningKey::generate().unwrap();
        scratch.folder.lock().unwrap().write_next(&new).unwrap();
        steps.iter().take(done).for_each(|step| step(&scratch.folder, &old));
        scratch.write(&format!("{}half-a-key", files::UNFINISHED), "-----BEGIN");
        let (locked, keys) = (scratch.folder.lock().unwrap(), scratch.keys().unwrap());
        locked.repair(&keys).unwrap();
        if keys.ec.next.is_some() {
            locked
                .promote_next::<SigningKey>(keys.ec.current.verifying_key(), Old::Retire)
                .unwrap();
        }
        assert_eq!(
            scratch.kids(),
            (new.kid().to_owned(), None, vec![old.kid().to_owned()]),
            "after {done} steps"
        );
        let names = files::names(scratch.folder.dir()).unwrap();
        assert_eq!(names, [PRIVATE, PUBLIC, RETIRED], "after {done} steps");
        assert!(
            !scratch
                .folder
                .path(&format!("{}half-a-key", files::UNFINISHED))
                .exists()
        );
    }
}

#[test]
fn a_reader_finds_a_whole_ring_at_every_instant_of_a_change() {
    let (scratch, _) = Scratch::with_key();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut readings = 0;
            while !done.load(Ordering::Relaxed) {
                // The key pair must match, and no file may be damaged.
                scratch.keys().unwrap();
                readings += 1;
            }
            readings
        });
        for round in 0..60 {
            let locked = scratch.folder.lock().unwrap();
            locked.write_next(&SigningKey::generate().unwrap()).unwrap();
            let current = scratch.keys().unwrap().ec.current.verifying_key().clone();
            let old = if round % 2 == 0 { Old::Retire } else { Old::Discard };
            locked.promote_next::<SigningKey>(&current, old).unwrap();
            if old == Old::Retire {
                locked.remove_retired::<SigningKey>(current.kid()).unwrap();
            }
        }
        done.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
}

#[test]
fn a_change_waits_for_the_one_before_it() {
    let (scratch, key) = Scratch::with_key();
    let held = scratch.folder.lock().unwrap();
    std::thread::scope(|scope| {
        let (begun, started) = std::sync::mpsc::channel();
        let waiter = scope.spawn({
            let folder = &scratch.folder;
            move || {
                begun.send(()).unwrap();
                let locked = folder.lock().unwrap();
                locked.remove_first::<SigningKey>().unwrap();
            }
        });
        started.recv().unwrap();
        assert_eq!(scratch.kids().0, key.kid());
        drop(held);
        waiter.join().unwrap();
    });
    assert!(!scratch.folder.snapshot().unwrap().signs());
}

#[test]
fn a_sealing_key_is_private_and_named_by_its_time_and_its_id() {
    let (scratch, _) = Scratch::with_key();
    assert!(scratch.keys().unwrap().sealing.is_empty());
    let (first, second) = {
        let locked = scratch.folder.lock().unwrap();
        (
            locked.make_sealing(None, NOW).unwrap(),
            locked.make_sealing(None, NOW).unwrap(),
        )
    };
    assert_eq!((scratch.mode("sealing"), scratch.mode(&first.name)), (0o700, 0o600));
    assert_eq!(first.name, format!("sealing/20261122T101500Z-{}.key", first.id));
    let keys = scratch.keys().unwrap();
    assert_eq!(keys.sealing.len(), 2);
    assert_eq!(keys.sealing[&first.id].key.id(), first.id);
    // An unfinished file left by a crash is not a key, and the next change removes it.
    let unfinished = format!("sealing/{}half.key", files::UNFINISHED);
    scratch.write(&unfinished, "-----BEGIN");
    assert_eq!(scratch.keys().unwrap().sealing.len(), 2);
    scratch.folder.lock().unwrap().remove_sealing(&second.name).unwrap();
    assert!(!scratch.folder.path(&unfinished).exists());
    assert_eq!(scratch.keys().unwrap().sealing.len(), 1);
}

#[test]
fn inspecting_tells_private_from_public() {
    let (scratch, key) = Scratch::with_key();
    let look = |name: &str| inspect(&scratch.folder.path(name), None).unwrap();
    assert!(matches!(look(PRIVATE), Inspected::Private(SigningAlg::Es256, found) if found == key.kid()));
    assert!(matches!(look(PUBLIC), Inspected::Public(SigningAlg::Es256, found) if found == key.kid()));
    let made = scratch.folder.lock().unwrap().make_sealing(None, NOW).unwrap();
    assert!(matches!(look(&made.name), Inspected::Sealing(id) if id == made.id));
    let nothing = inspect(&scratch.folder.path("nothing.pem"), None).err().unwrap();
    assert!(nothing.to_string().contains("nothing.pem"));
}
