//! Missing signatures, and signatures of something else.

use aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
use countersign_jose::SigningKey;

use super::Forged;
use super::forge::{Forge, encode};

pub(super) fn signatures(forge: &Forge<'_>) -> Vec<Forged> {
    const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let order: Vec<u8> = (0..32)
        .map(|i| u8::from_str_radix(&ORDER[2 * i..2 * i + 2], 16).unwrap())
        .collect();
    let good = forge.signature(forge.text().as_bytes());
    let (r, s) = good.split_at(32);
    let with = |signature: &[u8]| forge.text() + "." + &encode(signature);
    let pair = |r: &[u8], s: &[u8]| with(&[r, s].concat());
    let mut flipped = good.clone();
    flipped[63] ^= 1;
    let der = forge.signature_with(&ECDSA_P256_SHA256_ASN1_SIGNING, forge.text().as_bytes());
    let other = forge.signature(b"another text");
    let (zero, one, most) = ([0; 32], [&[0; 31][..], &[1]].concat(), [0xff; 32]);
    vec![
        ("R-3 signature empty", "signature_wrong_length", with(&[])),
        ("R-3 signature of 32 bytes", "signature_wrong_length", with(r)),
        ("R-3 signature of 63 bytes", "signature_wrong_length", with(&good[..63])),
        (
            "R-3 signature of 65 bytes",
            "signature_wrong_length",
            with(&[&good[..], &[0]].concat()),
        ),
        (
            "R-3 signature of 128 bytes",
            "signature_wrong_length",
            with(&[&good[..], &good[..]].concat()),
        ),
        ("R-3 signature in DER", "signature_der", with(&der)),
        ("R-3 signature all zero", "signature_out_of_range", with(&[0; 64])),
        ("R-3 r zero", "signature_out_of_range", pair(&zero, s)),
        ("R-3 s zero", "signature_out_of_range", pair(r, &zero)),
        ("R-3 r is n", "signature_out_of_range", pair(&order, s)),
        ("R-3 s is n", "signature_out_of_range", pair(r, &order)),
        ("R-3 r is n, s is n", "signature_out_of_range", pair(&order, &order)),
        ("R-3 r and s all ones", "signature_out_of_range", pair(&most, &most)),
        ("R-3 r one, s one", "signature_mismatch", pair(&one, &one)),
        ("R-3 r and s exchanged", "signature_mismatch", pair(s, r)),
        ("R-3 one bit off", "signature_mismatch", with(&flipped)),
        ("R-3 signature of another text", "signature_mismatch", with(&other)),
    ]
}

pub(super) fn foreign_keys(forge: &Forge<'_>) -> Vec<Forged> {
    let stranger = SigningKey::generate().unwrap();
    let own = Forge::new(&stranger, forge.claims);
    vec![
        (
            "R-14 signed by a key that is not published",
            "unknown_key",
            own.sign(&own.header, own.claims),
        ),
        (
            "R-14 signed by another key under our kid",
            "signature_mismatch",
            own.sign(&forge.header, own.claims),
        ),
    ]
}
