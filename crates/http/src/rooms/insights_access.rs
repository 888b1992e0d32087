//! Who may use Insights accounts, on the wire: tags, teams, owners. Knows no rule and no SQL.

use super::insights_wire::{time, user};
use pileus_contract::{ops, wire};
use pileus_model::Result;
use pileus_service::{
    Cx,
    insights::{accounts, tags, teams},
};

/// `GetInsightAccountTags`
pub async fn tags(cx: Cx, args: ops::GetInsightAccountTagsArgs) -> Result<wire::GetInsightAccountTagsResponse> {
    let tags = tags::list(&cx, &args.account_name).await?.into_iter().map(|tag| {
        let shown = wire::InsightsAccountTag {
            name: tag.name.clone(),
            value: tag.value,
            created: time(tag.created_at),
            modified: time(tag.modified_at),
        };
        (tag.name, shown)
    });
    Ok(wire::GetInsightAccountTagsResponse { tags: tags.collect() })
}

/// `SetInsightAccountTags`
pub async fn set_tags(cx: Cx, args: ops::SetInsightAccountTagsArgs) -> Result<()> {
    tags::replace(&cx, &args.account_name, args.body.tags.unwrap_or_default()).await
}

/// `ListInsightsAccountTeams`
pub async fn teams(
    cx: Cx,
    args: ops::ListInsightsAccountTeamsArgs,
) -> Result<wire::ListTeamsByInsightsAccountResponse> {
    let (account_name, teams) = teams::list(&cx, &args.account_name).await?;
    let teams = teams.into_iter().map(|given| wire::InsightsAccountTeam {
        name: given.team.name,
        display_name: given.team.display_name,
        description: given.team.description,
        permission: given.permission.number(),
        is_member: given.is_member,
    });
    Ok(wire::ListTeamsByInsightsAccountResponse { account_name, teams: teams.collect() })
}

/// `UpdateTeamInsightsAccountPermissions`
pub async fn set_team(cx: Cx, args: ops::UpdateTeamInsightsAccountPermissionsArgs) -> Result<()> {
    teams::set(&cx, &args.account_name, &args.team_name, args.body.permissions).await
}

/// `ReassignAccountOwnership`
pub async fn reassign(cx: Cx, args: ops::ReassignAccountOwnershipArgs) -> Result<wire::UserInfo> {
    let (login, name) = accounts::reassign(&cx, &args.account_name, &args.body.github_login).await?;
    Ok(user(login, name))
}

/// `ListPolicyPacksForAccount`: there are none in this version.
pub async fn policy_packs(
    cx: Cx,
    args: ops::ListPolicyPacksForAccountArgs,
) -> Result<wire::ListPolicyPacksForInsightsAccountResponse> {
    accounts::find(&cx, &args.account_name).await?;
    Ok(wire::ListPolicyPacksForInsightsAccountResponse { packs: Vec::new() })
}
