//! Conditions: which items are kept, which reads are made.
//!
//! This room knows comparisons of text. It must never know what is compared.

use super::{Path, Scope, Template, template::text};
use serde::Deserialize;

/// A condition; all of its parts must hold. An absent value is the empty text.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Condition {
    path: Path,
    is: Option<Vec<Template>>,
    not: Option<Vec<Template>>,
    starts: Option<Template>,
    lacks: Option<Template>,
    there: Option<bool>,
}

impl Condition {
    /// Whether it holds.
    pub(crate) fn holds(&self, scope: &Scope<'_>) -> bool {
        let found = self.path.one(scope.item);
        let value = text(found);
        let one_of = |list: &[Template]| list.iter().any(|t| t.filled(scope).is_ok_and(|wanted| wanted == value));
        self.is.as_ref().is_none_or(|list| one_of(list))
            && self.not.as_ref().is_none_or(|list| !one_of(list))
            && self.starts.as_ref().is_none_or(|t| t.filled(scope).is_ok_and(|start| value.starts_with(&*start)))
            && self.lacks.as_ref().is_none_or(|t| t.filled(scope).is_ok_and(|part| !value.contains(&*part)))
            && self.there.is_none_or(|there| found.is_some() == there)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::{super::Where, *};
    use crate::Value;
    use serde_json::json;

    #[test]
    fn conditions_hold_or_not() {
        let item = Value::from(
            json!({"State": {"Name": "running"}, "Owner": "12", "Default": true, "Path": "/aws-service-role/x"}),
        );
        let place = Where { account: "12".into(), ..Where::default() };
        let scope = Scope { item: &item, parent: None, place: &place };
        for (condition, holds) in [
            (json!({"path": "State.Name", "not": ["terminated"]}), true),
            (json!({"path": "State.Name", "is": ["a", "running"]}), true),
            (json!({"path": "Owner", "is": ["{account}"]}), true),
            (json!({"path": "Default", "is": ["true"]}), true),
            (json!({"path": "Path", "starts": "/aws-"}), true),
            (json!({"path": "Path", "lacks": "service-role"}), false),
            (json!({"path": "None", "is": [""]}), true),
            (json!({"path": "None", "there": true}), false),
        ] {
            let read: Condition = serde_json::from_value(condition.clone()).unwrap();
            assert_eq!(read.holds(&scope), holds, "{condition}");
        }
    }
}
