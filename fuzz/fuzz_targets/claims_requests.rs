//! Any text as one of the small parameters of an authorization request: what is accepted is the same when it is stored and read
//! again. Of a request object, nothing is read if it has a signature.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use countersign_oauth::{
    ClaimsRequest, CodeChallenge, Prompts, ResourceIndicator, UserCode, response_mode_of_unsigned,
};
use libfuzzer_sys::fuzz_target;

fn is_read_again<T: FromStr<Err: Debug> + Display + PartialEq + Debug>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let again: T = value.to_string().parse().expect("what was written is read again");
        assert_eq!(again, value);
    }
}

fuzz_target!(|text: &str| {
    is_read_again::<ClaimsRequest>(text);
    is_read_again::<Prompts>(text);
    is_read_again::<ResourceIndicator>(text);
    is_read_again::<UserCode>(text);
    if response_mode_of_unsigned(text).is_some() {
        assert!(text.ends_with('.'), "a signed request object was read");
    }
    if let Ok(challenge) = text.parse::<CodeChallenge>() {
        assert_eq!(challenge.to_string(), text);
        assert!(!challenge.verify(text));
    }
});
