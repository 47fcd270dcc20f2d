//! The words of a line as a POSIX shell splits them, without expanding anything: Python's `shlex.split`.

/// The words, without their quotes and backslashes; `None` if a quote or a backslash is left open.
///
/// botocore splits names of sections (`[profile "two words"]`) and `credential_process` like this.
#[must_use]
pub fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\'' => single(&mut letters, word.get_or_insert_default())?,
            '"' => double(&mut letters, word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(letters.next()?),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    Some(words)
}

fn single(letters: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match letters.next()? {
            '\'' => return Some(()),
            letter => word.push(letter),
        }
    }
}

/// Between double quotes, a backslash is kept, except before a quote or another backslash.
fn double(letters: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match letters.next()? {
            '"' => return Some(()),
            '\\' => {
                let next = letters.next()?;
                if !matches!(next, '"' | '\\') {
                    word.push('\\');
                }
                word.push(next);
            }
            letter => word.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[track_caller]
    fn has(line: &str, words: &[&str]) {
        assert_eq!(split(line).unwrap(), words, "{line}");
    }

    #[test]
    fn spaces_part_words_and_quotes_keep_them() {
        has("profile  one\ttwo", &["profile", "one", "two"]);
        has("profile \"two words\"", &["profile", "two words"]);
        has("profile 'it is'\"n't\"", &["profile", "it isn't"]);
        has("profile ''", &["profile", ""]);
        has("", &[]);
    }

    #[test]
    fn a_backslash_keeps_the_next_letter_and_is_kept_inside_double_quotes() {
        has(r"a\ b", &["a b"]);
        has(r#""a\b\"c\\""#, &[r#"a\b"c\"#]);
        has(r"'a\b'", &[r"a\b"]);
    }

    #[test]
    fn what_is_left_open_is_no_line() {
        for line in ["'a", "\"a", "a\\", "\"a\\"] {
            assert_eq!(split(line), None, "{line}");
        }
    }

    #[test]
    fn a_hash_begins_no_comment() {
        has("a #b", &["a", "#b"]);
    }
}
