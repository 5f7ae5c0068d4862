use prometheus_client::metrics::gauge::Gauge;

use super::*;

const ARGON2ID: &str = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
const ARGON2I_V10: &str = "$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ";
const BCRYPT_A: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
const BCRYPT_B_72: &str = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
const BCRYPT_Y: &str = "$2y$12$L6Bc/AlTQHyd9liGgGEZyOFLPHNgyxeEPfgYfBCVxJ7JIlwxyVU3u";
const SCRYPT: &str = "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E";
const PBKDF2: &str = "$pbkdf2-sha256$i=4096,l=40$c2FsdFNBTFRzYWx0U0FMVHNhbHRTQUxUc2FsdFNBTFRzYWx0\
                      $NIyJ28vTKy8y2BS4EW6EzysXNH68GAAYHE4qH7jdU+HGNVGMfaxH6Q";

fn matches(hash: &str, password: &str) -> bool {
    let hash = StoredHash::parse(hash).unwrap_or_else(|fault| panic!("{hash}: {fault}"));
    hash.matches(password, &mut Memory::new(Gauge::default()))
        .expect("there is memory")
}

#[test]
fn hashes_of_other_systems_are_verified() {
    // The reference implementation of Argon2, Openwall's crypt_blowfish, passlib, RFC 6070's text with SHA-256.
    let known = [
        (ARGON2ID, "password"),
        (ARGON2I_V10, "password"),
        (BCRYPT_A, "U*U"),
        (BCRYPT_Y, "hunter2"),
        (SCRYPT, "password"),
        (PBKDF2, "passwordPASSWORDpassword"),
    ];
    for (hash, password) in known {
        assert!(matches(hash, password), "{hash}");
        assert!(!matches(hash, "passwore"), "{hash}");
    }
}

#[test]
fn bcrypt_is_cut_at_72_bytes_and_knows_no_nul() {
    let eighty = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored";
    assert!(matches(BCRYPT_B_72, eighty));
    assert!(matches(BCRYPT_B_72, &eighty[..72]));
    assert!(!matches(BCRYPT_B_72, &eighty[..71]));
    let hash = bcrypt::hash("a", 4).unwrap_or_default();
    assert!(matches(&hash, "a"));
    assert!(
        bcrypt::verify("a\0a", &hash).unwrap_or(false),
        "the cipher itself cannot tell them apart"
    );
    assert!(!matches(&hash, "a\0a"));
}

#[test]
fn x_48_a_damaged_hash_causes_an_error_not_a_panic() {
    for whole in [ARGON2ID, ARGON2I_V10, BCRYPT_A, SCRYPT, PBKDF2] {
        for cut in 0..whole.len() {
            let _ = StoredHash::parse(&whole[..cut]);
            let _ = StoredHash::parse(&format!("{}é{}", &whole[..cut], &whole[cut..]));
            let _ = StoredHash::parse(&format!("{}é{}", &whole[..cut], &whole[cut + 1..]));
            let _ = StoredHash::parse(&format!("{}${}", &whole[..cut], &whole[cut..]));
        }
    }
    let malformed = [
        "",
        "$",
        "plain text",
        "$argon2id$",
        "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ",
        "$2b$05$short",
        "$2b$é5$",
        "$2b$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$scrypt$r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVK",
    ];
    for text in malformed {
        assert_eq!(
            StoredHash::parse(text).err(),
            Some(StoredHashFault::Malformed),
            "{text:?}"
        );
    }
}

#[test]
fn other_schemes_are_named_as_such() {
    for text in [
        "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$1$salt$hash",
        "$6$saltsalt$hashhashhashhash",
    ] {
        assert!(
            matches!(
                StoredHash::parse(text).err(),
                Some(StoredHashFault::UnknownScheme | StoredHashFault::Malformed)
            ),
            "{text}"
        );
    }
}

#[test]
fn absurd_work_is_refused() {
    let absurd = [
        "$argon2id$v=19$m=1048577,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=65536,t=4294967295,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$2b$17$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$scrypt$ln=63,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
        "$scrypt$ln=21,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
        "$scrypt$ln=16,r=8,p=4294967295$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
        "$pbkdf2-sha256$i=4294967295$c2FsdFNBTFRzYWx0$NIyJ28vTKy8y2BS4EW6EzysXNH68GAAYHE4qH7jdU+HGNVGMfaxH6Q",
    ];
    for text in absurd {
        assert_eq!(
            StoredHash::parse(text).err(),
            Some(StoredHashFault::TooCostly),
            "{text}"
        );
    }
}
