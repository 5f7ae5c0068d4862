//! Any query or form of an OAuth request: it is read as another decoder reads it, or rejected.
#![no_main]

use countersign_oauth::{MAX_PARAMETERS_LENGTH, Parameters};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(parameters) = Parameters::parse(text) else {
        return;
    };
    assert!(text.len() <= MAX_PARAMETERS_LENGTH && parameters.iter().count() <= 64);
    let other: Vec<_> = url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    assert!(
        parameters
            .iter()
            .eq(other.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    );
    // Written longer than the limit, it is rejected.
    if let Ok(again) = Parameters::parse(&parameters.to_query()) {
        // A parameter without a name and value is not written.
        let named = |parameters: &Parameters| {
            let pairs = parameters
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()));
            pairs.collect::<Vec<_>>()
        };
        assert_eq!(named(&again), named(&parameters));
    }
    let doubled = parameters.doubled(&[]);
    for name in ["state", "scope", "resource", "redirect_uri"] {
        let values = parameters.iter().filter(|(own, _)| *own == name).count();
        assert_eq!(parameters.one(name).is_err(), values > 1);
        assert!(values < 2 || doubled.is_some());
    }
});
