//! How wire names become Rust names. Nothing else decides this.

/// Keywords that a field cannot be named after.
const KEYWORDS: &[&str] = &[
    "as", "async", "await", "box", "break", "const", "continue", "crate", "do", "dyn", "else", "enum", "extern",
    "false", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override",
    "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield", "abstract", "become", "final",
];

/// The words of a wire name, lower case: `hasMFA` is `has`, `mfa`.
fn words(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (i, &c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|j| chars.get(j));
        let after = chars.get(i + 1);
        let starts = c.is_ascii_uppercase()
            && before.is_some_and(|b| !b.is_ascii_uppercase() || after.is_some_and(char::is_ascii_lowercase));
        if starts || !c.is_ascii_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_ascii_alphanumeric()) {
            word.push(c.to_ascii_lowercase());
        }
    }
    words.retain(|w| !w.is_empty());
    words
}

/// The name of a field or function: `hasMFA` is `has_mfa`, a keyword gets a trailing underscore.
pub fn snake(name: &str) -> String {
    let joined = words(name).join("_");
    if KEYWORDS.contains(&joined.as_str()) { format!("{joined}_") } else { joined }
}

/// The name of a constant: `team-created` is `TEAM_CREATED`.
pub fn screaming(name: &str) -> String {
    words(name).join("_").to_ascii_uppercase()
}

/// The name of a type. Names without separators are kept as they are: `ListTeams`; `List_orgs_oidc_issuers` is
/// `ListOrgsOidcIssuers`.
pub fn upper_camel(name: &str) -> String {
    name.split(|c: char| !c.is_ascii_alphanumeric())
        .map(|part| {
            let mut chars = part.chars();
            chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
        })
        .collect()
}

/// A text as a Rust literal.
pub fn literal(text: &str) -> String {
    format!("{text:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (wire, rust) in [
            ("orgName", "org_name"),
            ("hasMFA", "has_mfa"),
            ("GitHubLogin", "git_hub_login"),
            ("sourceIP", "source_ip"),
            ("roleIds", "role_ids"),
            ("escOnboardingV2Enabled", "esc_onboarding_v2_enabled"),
            ("access_token", "access_token"),
            ("__type", "type_"),
            ("self", "self_"),
        ] {
            assert_eq!(snake(wire), rust);
        }
        assert_eq!(screaming("team-created"), "TEAM_CREATED");
        assert_eq!(upper_camel("List_orgs_oidc_issuers"), "ListOrgsOidcIssuers");
        assert_eq!(upper_camel("ListTeams"), "ListTeams");
    }
}
