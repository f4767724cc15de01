//! "Did you mean": the nearest of the words that would have been right.

/// The candidate that `word` most likely was meant to be, if any is near enough.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A third of the letters may be wrong: `adress` is near `address`, `ip` is not near `pki`.
    let limit = word.chars().count().div_ceil(3);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Help for a word that is none of the candidates: "did you mean `w1`?", or all of them where none is near.
pub fn did_you_mean(word: &str, candidates: &[&str]) -> String {
    match nearest(word, candidates.iter().copied()) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => format!("expected one of {}", list(candidates)),
    }
}

/// `a`, `b`, `c`.
pub(crate) fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_is_recognised_and_another_word_is_not() {
        let fields = ["name", "address", "roles", "controlPlane"];
        assert_eq!(nearest("adress", fields), Some("address"));
        assert_eq!(nearest("controlplane", fields), Some("controlPlane"));
        assert_eq!(nearest("port", fields), None);
    }
}
