//! An organisation's settings: what they are, what they start as, how they are stored and changed.
//!
//! This room knows every setting and what a setting may be. What a setting permits is evaluated in `auth`.

use pileus_model::{
    Error, Result, Timestamp, authz::scopes::EnvironmentPermission, insights::TeamPermission, names::check_text,
};
use serde::{Deserialize, Serialize};

/// Longest time that tokens may be limited to, in days.
const MAX_DAYS: i64 = 36_500;

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $default:expr, $label:literal, $check:expr;)*) => {
        /// An organisation's settings, as they are stored (JSON). A version that does not know one leaves it out.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Settings {
            $($(#[$doc])* pub $name: $type,)*
        }

        impl Default for Settings {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        /// A change of settings: what is `None` stays as it is.
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct SettingsChange {
            $($(#[$doc])* pub $name: Option<$type>,)*
        }

        impl Settings {
            /// Applies a change, and tells the names of the settings that are different now.
            ///
            /// # Errors
            /// `Invalid` for a value that a setting may not have, naming the setting; nothing is changed then.
            pub fn apply(&mut self, change: SettingsChange) -> Result<Vec<&'static str>> {
                $(if let Some(value) = &change.$name {
                    let check: fn(&'static str, &$type) -> Result<()> = $check;
                    check($label, value)?;
                })*
                let mut changed = Vec::new();
                $(if let Some(value) = change.$name && self.$name != value {
                    self.$name = value;
                    changed.push($label);
                })*
                Ok(changed)
            }
        }
    };
}

settings! {
    /// Members may create teams.
    members_can_create_teams: bool = false, "membersCanCreateTeams", any;
    /// Members may create stacks.
    members_can_create_stacks: bool = true, "membersCanCreateStacks", any;
    /// Members may create Insights accounts.
    members_can_create_accounts: bool = false, "membersCanCreateAccounts", any;
    /// Members may delete stacks.
    members_can_delete_stacks: bool = false, "membersCanDeleteStacks", any;
    /// Members may transfer stacks.
    members_can_transfer_stacks: bool = false, "membersCanTransferStacks", any;
    /// Members may invite collaborators; kept, without effect.
    members_can_invite_collaborators: bool = false, "membersCanInviteCollaborators", any;
    /// What every member may do with each stack: 0, or 101 to 104.
    default_stack_permission: i64 = 0, "defaultStackPermission", |name, v| number(name, *v, &[0, 101, 102, 103, 104]);
    /// What every member may do with each environment.
    default_environment_permission: String = "none".into(), "defaultEnvironmentPermission",
        |name, v| word(name, v, &["none", "read", "open", "write", "admin"]);
    /// What every member may do with each Insights account: 0 to 3.
    default_account_permission: i64 = 0, "defaultAccountPermission", |name, v| number(name, *v, &[0, 1, 2, 3]);
    /// How many days a token that is used here may at most live on; 0: no limit.
    max_access_token_expiry_days: i64 = 0, "maxAccessTokenExpiryDays", days;
    /// Where its code lives; kept, without effect.
    preferred_vcs: String = "none".into(), "preferredVCS", |name, v| word(name, v, &["none", "bitbucket", "github", "gitlab"]);
    /// Kept, without effect.
    ai_enablement: String = "disabled".into(), "aiEnablement", |name, v| text(name, v);
    /// Kept, without effect.
    default_agent_pool_id: String = String::new(), "defaultAgentPoolID", |name, v| text(name, v);
    /// Kept, without effect.
    default_deployment_role_id: String = String::new(), "defaultDeploymentRoleId", |name, v| text(name, v);
    /// Kept, without effect.
    natural_language_search_disabled: bool = true, "naturalLanguageSearchDisabled", any;
    /// Kept, without effect.
    neo_agent_disabled: bool = true, "neoAgentDisabled", any;
    /// Kept, without effect.
    neo_approval_mode: String = "manual".into(), "neoApprovalMode", |name, v| word(name, v, &["manual", "auto", "balanced"]);
    /// Kept, without effect.
    neo_cli_explanations_disabled: bool = true, "neoCLIExplanationsDisabled", any;
    /// Kept, without effect.
    neo_enabled: bool = false, "neoEnabled", any;
    /// Kept, without effect.
    neo_task_sharing_mode: String = "none".into(), "neoTaskSharingMode", |name, v| word(name, v, &["none", "org"]);
}

fn any(_: &'static str, _: &bool) -> Result<()> {
    Ok(())
}

fn text(name: &'static str, value: &str) -> Result<()> {
    check_text(name, value, 200)
}

fn word(name: &'static str, value: &str, allowed: &[&str]) -> Result<()> {
    if allowed.contains(&value) {
        return Ok(());
    }
    Err(Error::invalid(format!("{name} must be one of {}", allowed.join(", "))))
}

fn number(name: &'static str, value: i64, allowed: &[i64]) -> Result<()> {
    if allowed.contains(&value) {
        return Ok(());
    }
    let allowed: Vec<String> = allowed.iter().map(i64::to_string).collect();
    Err(Error::invalid(format!("{name} must be one of {}", allowed.join(", "))))
}

fn days(name: &'static str, value: &i64) -> Result<()> {
    if (0..=MAX_DAYS).contains(value) {
        return Ok(());
    }
    Err(Error::invalid(format!("{name} must be between 0 (no limit) and {MAX_DAYS}")))
}

impl Settings {
    /// The settings as the store holds them. What cannot be read is as if it had never been set.
    pub fn parse(stored: &str) -> Self {
        serde_json::from_str(stored).unwrap_or_else(|error| {
            tracing::error!(%error, "the stored settings of an organisation cannot be read; the strict ones apply");
            Self { members_can_create_stacks: false, ..Self::default() }
        })
    }
    /// What every member may do with each environment.
    pub fn environment_permission(&self) -> EnvironmentPermission {
        EnvironmentPermission::parse(&self.default_environment_permission).unwrap_or(EnvironmentPermission::None)
    }
    /// What every member may do with each account.
    pub fn account_permission(&self) -> TeamPermission {
        TeamPermission::from_number(self.default_account_permission).unwrap_or(TeamPermission::None)
    }
    /// As the store holds them.
    ///
    /// # Errors
    /// `Internal` (a bug).
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|e| Error::internal(format!("settings are not JSON: {e}")))
    }
    /// The limit on the life of tokens that are used in this organisation, if it has one.
    pub fn max_token_lifetime(&self) -> Option<TokenLifetime> {
        (self.max_access_token_expiry_days > 0).then_some(TokenLifetime { days: self.max_access_token_expiry_days })
    }
}

/// How long tokens may live on (contract, `maxAccessTokenExpiryDays`: with such a limit every token needs an expiry, and
/// the time that is left must not exceed so many days).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenLifetime {
    days: i64,
}

impl TokenLifetime {
    /// Whether a token with this expiry (the epoch: never) may be used or made now.
    pub fn allows(self, expires_at: Timestamp, now: Timestamp) -> bool {
        expires_at != Timestamp::EPOCH && expires_at <= now.plus_seconds(self.days.saturating_mul(86_400))
    }
    /// In days.
    pub const fn days(self) -> i64 {
        self.days
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_organisation_is_closed_but_for_stacks() {
        let s = Settings::default();
        assert!(s.members_can_create_stacks);
        assert!(!s.members_can_create_teams && !s.members_can_create_accounts && !s.members_can_delete_stacks);
        assert!(!s.members_can_transfer_stacks && !s.members_can_invite_collaborators);
        assert_eq!((s.default_stack_permission, s.default_account_permission), (0, 0));
        assert_eq!(s.default_environment_permission, "none");
        assert_eq!(s.max_token_lifetime(), None);
    }

    #[test]
    fn changes_tell_what_is_different() -> Result<()> {
        let mut s = Settings::default();
        let change = SettingsChange {
            members_can_create_teams: Some(true),
            members_can_create_stacks: Some(true),
            preferred_vcs: Some("github".into()),
            ..SettingsChange::default()
        };
        assert_eq!(s.apply(change.clone())?, ["membersCanCreateTeams", "preferredVCS"]);
        assert!(s.apply(change)?.is_empty());
        assert_eq!(Settings::parse(&s.to_json()?), s);
        Ok(())
    }

    #[test]
    fn a_bad_value_changes_nothing() {
        let bad = [
            SettingsChange { default_stack_permission: Some(7), ..SettingsChange::default() },
            SettingsChange { default_environment_permission: Some("all".into()), ..SettingsChange::default() },
            SettingsChange { max_access_token_expiry_days: Some(-1), ..SettingsChange::default() },
            SettingsChange { preferred_vcs: Some("cvs".into()), neo_enabled: Some(true), ..SettingsChange::default() },
        ];
        for change in bad {
            let mut s = Settings::default();
            assert!(s.apply(change.clone()).is_err(), "{change:?}");
            assert_eq!(s, Settings::default());
        }
    }

    #[test]
    fn unreadable_settings_permit_nothing() {
        assert!(!Settings::parse("[").members_can_create_stacks);
        assert!(Settings::parse("{\"unheard_of\":1}").members_can_create_stacks);
    }

    #[test]
    fn lifetimes() {
        let now = Timestamp::from_micros(1_000_000_000_000);
        let limit = TokenLifetime { days: 2 };
        assert!(limit.allows(now.plus_seconds(2 * 86_400), now));
        assert!(!limit.allows(now.plus_seconds(2 * 86_400 + 1), now));
        assert!(!limit.allows(Timestamp::EPOCH, now));
    }
}
