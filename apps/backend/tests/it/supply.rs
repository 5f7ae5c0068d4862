//! The dependencies in `Cargo.lock`. (`scripts/test supply` checks licences, sources and bans according to `deny.toml`;
//! `scripts/test advisories` checks the current advisory database.)

use std::path::Path;

use serde::Deserialize;

#[derive(Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn packages() -> Vec<Package> {
    let text = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    toml::from_str::<Lock>(&text).unwrap().package
}

/// Major, minor, patch; any suffix is ignored.
fn numbers(version: &str) -> Vec<u64> {
    let numbers = version.split(['-', '+']).next().unwrap().split('.');
    numbers.map(|number| number.parse().unwrap()).collect()
}

/// The first version without the vulnerability, for each affected crate; `None` if the crate is not built at all.
const MENDED: [(&str, Option<&str>); 5] = [
    // RUSTSEC-2026-0009: parsing an RFC 2822 date could exhaust the stack.
    ("time", Some("0.3.47")),
    // RUSTSEC-2026-0178: a row with a different number of fields than announced caused a panic; and other fixes in the
    // same version.
    ("tokio-postgres", Some("0.7.18")),
    ("postgres-protocol", Some("0.6.12")),
    // RUSTSEC-2024-0332: the server and its clients only speak HTTP/1.1.
    ("h2", None),
    ("hyper-h2", None),
];

#[test]
fn c_89_x_49_dependencies_have_no_known_fixed_vulnerability() {
    let packages = packages();
    for (name, mended) in MENDED {
        for package in packages.iter().filter(|package| package.name == name) {
            let mended = mended.unwrap_or_else(|| panic!("{name} {} is built", package.version));
            assert!(
                numbers(&package.version) >= numbers(mended),
                "{name} {}",
                package.version
            );
        }
    }
    assert!(packages.iter().any(|package| package.name == "tokio-postgres"));
    // cargo-deny checks the same bounds for every change of Cargo.lock.
    let bans = std::fs::read_to_string(root().join("deny.toml")).unwrap();
    for (name, mended) in MENDED.iter().filter(|(name, _)| *name != "hyper-h2") {
        let ban = mended.map_or_else(|| format!("\"{name}\""), |mended| format!("\"{name}:<{mended}\""));
        assert!(bans.contains(&format!("crate = {ban}")), "deny.toml does not ban {ban}");
    }
}

#[test]
fn t_21_every_dependency_is_pinned_by_its_hash() {
    let packages = packages();
    let (ours, others): (Vec<_>, Vec<_>) = packages.iter().partition(|package| package.source.is_none());
    assert!(others.len() > 100);
    for package in &others {
        let source = package.source.as_deref();
        assert_eq!(
            source,
            Some("registry+https://github.com/rust-lang/crates.io-index"),
            "{}",
            package.name
        );
        let checksum = package.checksum.as_deref().unwrap_or_default();
        assert_eq!(checksum.len(), 64, "{}", package.name);
    }
    for package in &ours {
        let is_ours = ["countersign", "example-"]
            .iter()
            .any(|start| package.name.starts_with(start));
        assert!(is_ours, "{} has no source", package.name);
    }
    // The compiler's version, and the step that checks all of this in every run.
    let text = std::fs::read_to_string(root().join("rust-toolchain.toml")).unwrap();
    let toolchain: toml::Table = toml::from_str(&text).unwrap();
    let channel = toolchain["toolchain"]["channel"].as_str().unwrap();
    assert_eq!(numbers(channel).len(), 3, "{channel} is no version");
    let script = std::fs::read_to_string(root().join("scripts/test")).unwrap();
    let steps = script.lines().find(|line| line.starts_with("steps=(")).unwrap();
    assert!(steps.contains(" supply "), "{steps}");
}
