//! Accounts as clients read them. They are written straight into the reply, since lists of them are long: members stand in the order
//! of their names, as everywhere else in this API, and the tests hold them against the contract's own type.
//!
//! This room knows the two styles of `insights_wire`. It must never know which accounts may be seen.

use super::insights_wire::{Style, ZERO, time};
use pileus_model::{
    Timestamp,
    ids::{AccountId, OrgId, ScanId, UserId},
    insights::EnvironmentRef,
};
use pileus_service::insights::{Glance, accounts::View};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::fmt::Display;

/// Whether an account is shown alone or among others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// Alone.
    Alone,
    /// In a list.
    InList,
}

/// A page of accounts.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page<'a> {
    accounts: Vec<Account<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// A page of these accounts.
pub(super) fn page(views: &[View], style: Style, next_token: Option<String>) -> Page<'_> {
    Page { accounts: accounts(views, style), next_token }
}

/// What a bulk creation made, and what it did not, with what was wrong.
#[derive(Serialize)]
pub(super) struct Made<'a> {
    accounts: Vec<Account<'a>>,
    failures: Vec<Failure>,
}

/// `BulkCreateInsightsAccountFailure`.
#[derive(Serialize)]
struct Failure {
    error: String,
    name: String,
}

/// What a bulk creation made, and the names of what it did not.
pub(super) fn made(views: &[View], failures: Vec<(String, String)>, style: Style) -> Made<'_> {
    let failures = failures.into_iter().map(|(name, error)| Failure { error, name }).collect();
    Made { accounts: accounts(views, style), failures }
}

fn accounts(views: &[View], style: Style) -> Vec<Account<'_>> {
    views.iter().map(|view| account(view, style, Shown::InList)).collect()
}

/// `InsightsAccount`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Account<'a> {
    #[serde(rename = "agentPoolID", skip_serializing_if = "Option::is_none")]
    agent_pool: Option<&'a str>,
    #[serde(serialize_with = "text")]
    id: AccountId,
    name: &'a str,
    owned_by: Owner<'a>,
    provider: &'static str,
    #[serde(skip_serializing_if = "Map::is_empty")]
    provider_config: Map<String, Value>,
    #[serde(serialize_with = "text")]
    provider_env_ref: &'a EnvironmentRef,
    #[serde(skip_serializing_if = "Option::is_none")]
    scan_status: Option<Status>,
    scheduled_scan_enabled: bool,
}

/// `UserInfo`, as far as others see him.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Owner<'a> {
    avatar_url: &'static str,
    github_login: &'a str,
    name: &'a str,
}

/// `ScanStatus`, as far as accounts show it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    finished_at: Option<Moment>,
    id: Id<ScanId>,
    job_timeout: Moment,
    last_updated_at: Moment,
    org_id: Id<OrgId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_count: Option<i64>,
    started_at: Moment,
    status: &'static str,
    user_id: Id<UserId>,
}

/// A time, or the zero time.
struct Moment(Option<Timestamp>);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(at) => serializer.serialize_str(&time(at)),
            None => serializer.serialize_str(ZERO),
        }
    }
}

/// An id; empty where there is none.
struct Id<T>(Option<T>);

impl<T: Display> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(id) => serializer.collect_str(id),
            None => serializer.serialize_str(""),
        }
    }
}

fn text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// An account.
pub(super) fn account(view: &View, style: Style, shown: Shown) -> Account<'_> {
    let View { account, scheduled, owner_name, scan, resources } = view;
    Account {
        agent_pool: account.agent_pool.as_deref(),
        id: account.id,
        name: &account.name,
        owned_by: Owner { avatar_url: "", github_login: &account.owner_login, name: owner_name },
        provider: account.provider.as_str(),
        provider_config: config(&account.config),
        provider_env_ref: &account.environment,
        scan_status: match scan {
            Some(scan) => Some(status(scan, *resources, style)),
            None if style == Style::Own => Some(never(shown)),
            None => None,
        },
        scheduled_scan_enabled: *scheduled,
    }
}

/// What can be configured, unless that is nothing.
fn config(text: &str) -> Map<String, Value> {
    if text == "{}" { Map::new() } else { serde_json::from_str(text).unwrap_or_default() }
}

/// A run; one that is not over ends at the zero time, or never.
fn status(scan: &Glance, resources: Option<i64>, style: Style) -> Status {
    let own = style == Style::Own;
    let finished = Moment(scan.finished_at);
    Status {
        finished_at: (!own || scan.finished_at.is_some()).then_some(finished),
        id: Id(Some(scan.id)),
        job_timeout: Moment((!own).then_some(scan.timeout_at)),
        last_updated_at: Moment(Some(scan.updated_at)),
        org_id: Id(Some(scan.org)),
        resource_count: resources,
        started_at: Moment(Some(scan.started_at)),
        status: scan.state,
        user_id: Id(scan.user),
    }
}

/// An account that was never scanned, as clients of the product's own media type read it.
fn never(shown: Shown) -> Status {
    Status {
        finished_at: (shown == Shown::Alone).then_some(Moment(None)),
        id: Id(None),
        job_timeout: Moment(None),
        last_updated_at: Moment(None),
        org_id: Id(None),
        resource_count: None,
        started_at: Moment(None),
        status: "",
        user_id: Id(None),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use pileus_contract::wire;
    use pileus_model::insights::{Account as Kept, Provider};
    use serde_json::json;

    fn view(config: &str, pool: Option<&str>, scan: Option<Glance>, resources: Option<i64>) -> View {
        let id = AccountId::from_bytes([7; 16]);
        let account = Kept {
            id,
            root: id,
            name: "Fizz \"Buzz\"\n\u{1}é".into(),
            place: None,
            provider: Provider::AzureNative,
            environment: EnvironmentRef { project: "p".into(), name: "e".into(), version: pool.map(|_| "3".into()) },
            config: config.into(),
            agent_pool: pool.map(Into::into),
            owner: None,
            owner_login: "root".into(),
            cloud_account: None,
            cloud_partition: None,
            excluded: Vec::new(),
            created_at: Timestamp::EPOCH,
            modified_at: Timestamp::EPOCH,
        };
        View { account, scheduled: pool.is_some(), owner_name: "Root <r>".into(), scan, resources }
    }

    fn scan(user: Option<UserId>, finished_at: Option<Timestamp>) -> Glance {
        Glance {
            org: OrgId::from_bytes([1; 16]),
            id: ScanId::from_bytes([2; 16]),
            batch: ScanId::from_bytes([3; 16]),
            user,
            state: if finished_at.is_some() { "succeeded" } else { "running" },
            started_at: Timestamp::from_micros(1_618_185_105_987_654),
            updated_at: Timestamp::from_micros(1_618_185_106_000_000),
            finished_at,
            timeout_at: Timestamp::from_micros(1_618_185_107_000_001),
        }
    }

    /// The contract's own types, as JSON that is then changed for the style.
    fn by_contract(view: &View, style: Style, shown: Shown) -> Value {
        let View { account, scheduled, owner_name, scan, resources } = view;
        let or_zero = |at: Option<Timestamp>| at.map_or_else(|| ZERO.to_owned(), time);
        let status = scan.map(|scan| wire::ScanStatus {
            id: scan.id.to_string(),
            org_id: scan.org.to_string(),
            user_id: scan.user.map(|user| user.to_string()).unwrap_or_default(),
            status: scan.state.to_owned(),
            started_at: time(scan.started_at),
            finished_at: or_zero(scan.finished_at),
            last_updated_at: time(scan.updated_at),
            job_timeout: or_zero((style == Style::Plain).then_some(scan.timeout_at)),
            jobs: None,
            account_name: None,
            resource_count: *resources,
        });
        let config: Option<Value> = serde_json::from_str(&account.config).ok();
        let mut value = serde_json::to_value(wire::InsightsAccount {
            id: account.id.to_string(),
            name: account.name.clone(),
            owned_by: super::super::insights_wire::user(account.owner_login.clone(), owner_name.clone()),
            provider: account.provider.as_str().to_owned(),
            provider_version: None,
            provider_env_ref: Some(account.environment.to_string()),
            scheduled_scan_enabled: *scheduled,
            agent_pool_id: account.agent_pool.clone(),
            provider_config: config.filter(|config| config.as_object().is_some_and(|object| !object.is_empty())),
            scan_status: status,
        })
        .unwrap();
        if style == Style::Own && scan.is_none() {
            let finished = if shown == Shown::InList { Value::Null } else { ZERO.into() };
            value["scanStatus"] = json!({"id": "", "orgId": "", "userId": "", "status": "", "startedAt": ZERO,
                "finishedAt": finished, "lastUpdatedAt": ZERO, "jobTimeout": ZERO});
        } else if style == Style::Own && scan.is_some_and(|scan| scan.finished_at.is_none()) {
            value["scanStatus"]["finishedAt"] = Value::Null;
        }
        value
    }

    #[test]
    fn accounts_are_written_as_the_contract_says() {
        let ended = Some(Timestamp::from_micros(1_618_185_109_000_999));
        let views = [
            view("{}", None, None, None),
            view(r#"{"regions":[]}"#, Some("pool"), Some(scan(None, None)), None),
            view(r#"{"a":{"z":1,"b":null},"regions":["é\n"]}"#, None, Some(scan(None, ended)), Some(12)),
            view("[1]", Some("x"), Some(scan(Some(UserId::from_bytes([9; 16])), ended)), Some(0)),
            view("no JSON", None, Some(scan(Some(UserId::from_bytes([9; 16])), None)), Some(5)),
        ];
        for style in [Style::Own, Style::Plain] {
            let mut all = Vec::new();
            for view in &views {
                for shown in [Shown::Alone, Shown::InList] {
                    let text = serde_json::to_string(&account(view, style, shown)).unwrap();
                    assert_eq!(text, by_contract(view, style, shown).to_string(), "{style:?} {shown:?}");
                }
                all.push(by_contract(view, style, Shown::InList));
            }
            let text = |next: Option<&str>| serde_json::to_string(&page(&views, style, next.map(Into::into))).unwrap();
            assert_eq!(text(None), json!({"accounts": all}).to_string());
            assert_eq!(text(Some("token")), json!({"accounts": all, "nextToken": "token"}).to_string());
            let failed = wire::BulkCreateInsightsAccountFailure { name: "n".into(), error: "e \"x\"".into() };
            let failures = vec![(failed.name.clone(), failed.error.clone())];
            let text = serde_json::to_string(&made(&views, failures, style)).unwrap();
            assert_eq!(text, json!({"accounts": all, "failures": [failed]}).to_string());
        }
    }
}
