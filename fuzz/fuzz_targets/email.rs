//! Any text as an email address: a valid one is kept unchanged, and normalizing twice equals normalizing once.
#![no_main]

use countersign::core::email::Email;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(email) = text.parse::<Email>() {
        assert_eq!(email.key().matches('@').count(), 1);
        assert!(!email.typed().chars().any(char::is_control));
        let again: Email = email.key().parse().expect("a key is an address");
        assert_eq!(again.key(), email.key());
        let typed: Email = email.typed().parse().expect("what was taken is taken again");
        assert_eq!(typed.key(), email.key());
    }
});
