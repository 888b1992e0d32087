//! Which name may have been meant.
//!
//! This room knows edit distances over bytes, case and underscores ignored. It must never know whose names they are.

/// The nearest of the candidates, if one is nearer than half of the name. Of several equally near, the first.
#[must_use]
pub fn nearest<'c>(name: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let name = fold(name);
    let mut best = None;
    let mut least = name.len().div_ceil(2);
    for candidate in candidates {
        let distance = distance(&name, &fold(candidate));
        if distance < least {
            least = distance;
            best = Some(candidate);
        }
    }
    best
}

/// The candidates, nearest first; equally near ones keep their order.
#[must_use]
pub fn by_distance(name: &str, candidates: &[&str]) -> Vec<String> {
    let name = fold(name);
    let mut sorted: Vec<&str> = candidates.to_vec();
    sorted.sort_by_key(|candidate| distance(&name, &fold(candidate)));
    sorted.into_iter().map(str::to_owned).collect()
}

fn fold(name: &str) -> Vec<u8> {
    let lower: String = name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect();
    lower.into_bytes()
}

/// The Levenshtein distance, in one row.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_ignores_case_and_underscores() {
        assert_eq!(nearest("FooBar", ["foo_baz", "other"].into_iter()), Some("foo_baz"));
        assert_eq!(nearest("ab", ["xy"].into_iter()), None);
        assert_eq!(by_distance("valuez", &["'imports'", "'values'"]), ["'values'", "'imports'"]);
    }
}
