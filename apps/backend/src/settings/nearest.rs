//! Suggestions for unknown names.

/// The most similar known name, if any: a typo, or a missing section.
pub fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let tolerated = (unknown.len() / 3).clamp(1, 4);
    // Of names in several sections, the one in the most similar section.
    let distances = known.map(|name| {
        (
            distance(unknown, name),
            strsim::damerau_levenshtein(unknown, name),
            name,
        )
    });
    distances
        .filter(|(distance, ..)| *distance <= tolerated)
        .min_by_key(|(distance, whole, _)| (*distance, *whole))
        .map(|(.., name)| name)
}

fn distance(unknown: &str, name: &str) -> usize {
    let whole = strsim::damerau_levenshtein(unknown, name);
    let last = name.rsplit('.').next().unwrap_or(name);
    // The right name in no section, or in the wrong one, is nearer than another name in the right one.
    let bare = unknown.rsplit('.').next().unwrap_or(unknown);
    whole.min(strsim::damerau_levenshtein(bare, last) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_and_missing_sections_are_understood() {
        let known = [
            "listen",
            "database_url",
            "provider.access_ttl",
            "tokens.access_ttl",
            "log.level",
            "tokens.refresh_idle_ttl",
        ];
        let cases = [
            ("lisen", Some("listen")),
            ("databse_url", Some("database_url")),
            ("access_ttl", Some("tokens.access_ttl")),
            ("token.access_ttl", Some("tokens.access_ttl")),
            ("tokens_access_ttl", Some("tokens.access_ttl")),
            ("auth.access_ttl", Some("tokens.access_ttl")),
            ("token.acess_ttl", Some("tokens.access_ttl")),
            ("logging.level", Some("log.level")),
            ("smtp_host", None),
        ];
        for (unknown, expected) in cases {
            assert_eq!(nearest(unknown, known.into_iter()), expected, "{unknown}");
        }
    }
}
