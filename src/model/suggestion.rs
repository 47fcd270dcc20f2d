//! What was probably meant by an unknown word.

/// The known word most similar to the given one, if it is similar enough to be meant.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = given.to_lowercase();
    let far = (given.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|word| (strsim::osa_distance(&lower, &word.to_lowercase()), word))
        .filter(|(distance, _)| *distance <= far)
        .min()
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_offered_and_a_far_one_is_not() {
        assert_eq!(nearest("enviroment", ["environment", "tier"]), Some("environment"));
        assert_eq!(nearest("Tier", ["environment", "tier"]), Some("tier"));
        assert_eq!(nearest("AmazonECs", ["AmazonEC2", "AmazonECS"]), Some("AmazonECS"));
        assert_eq!(nearest("zebra", ["environment", "tier"]), None);
    }
}
