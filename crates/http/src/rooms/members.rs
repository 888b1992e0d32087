//! Members on the wire: converts, calls `pileus_service::members`, converts back. Knows no rule and no SQL.

use pileus_contract::{ops, wire};
use pileus_model::{Error, Result};
use pileus_service::{
    Cx,
    members::{self, Member, RoleChoice},
};

/// `ListOrganizationMembers`. Members come from nowhere else, so that both kinds of member are the same.
pub async fn list(cx: Cx, args: ops::ListOrganizationMembersArgs) -> Result<wire::ListOrganizationMembersResponse> {
    if !matches!(args.type_.as_deref(), None | Some("frontend" | "backend")) {
        return Err(Error::invalid("type must be frontend or backend"));
    }
    let (page, continuation_token) = members::list(&cx, args.continuation_token.as_deref()).await?;
    Ok(wire::ListOrganizationMembersResponse { members: page.into_iter().map(member).collect(), continuation_token })
}

/// `AddOrganizationMember`
pub async fn add(cx: Cx, args: ops::AddOrganizationMemberArgs) -> Result<wire::OrganizationMember> {
    let choice = RoleChoice::parse(Some(&args.body.role), None)?;
    members::add(&cx, &args.user_login, choice).await.map(member)
}

/// `UpdateOrganizationMember`
pub async fn update(cx: Cx, args: ops::UpdateOrganizationMemberArgs) -> Result<()> {
    let choice = RoleChoice::parse(args.body.role.as_deref(), args.body.fga_role_id.as_deref())?;
    members::update(&cx, &args.user_login, choice).await
}

/// `DeleteOrganizationMember`
pub async fn remove(cx: Cx, args: ops::DeleteOrganizationMemberArgs) -> Result<()> {
    members::remove(&cx, &args.user_login).await
}

/// `GetOrganizationMemberTeams`
pub async fn teams(
    cx: Cx,
    args: ops::GetOrganizationMemberTeamsArgs,
) -> Result<wire::GetOrganizationMemberTeamsResponse> {
    let teams = members::teams(&cx, &args.user).await?;
    Ok(wire::GetOrganizationMemberTeamsResponse { teams: Some(teams) })
}

/// `SetSoleOrganizationAdmin`
pub async fn set_sole_admin(cx: Cx, args: ops::SetSoleOrganizationAdminArgs) -> Result<()> {
    members::set_sole_admin(&cx, &args.user_login).await
}

fn member(member: Member) -> wire::OrganizationMember {
    wire::OrganizationMember {
        role: member.role.as_str().to_owned(),
        user: wire::UserInfo {
            name: member.user.name,
            github_login: member.user.login,
            email: Some(member.user.email).filter(|email| !email.is_empty()),
            ..wire::UserInfo::default()
        },
        created: member.created_at.rfc3339(),
        known_to_pulumi: true,
        fga_role: wire::FGARole {
            id: member.role_id.to_string(),
            name: member.role_name,
            modified_at: member.role_modified_at.rfc3339(),
        },
        ..wire::OrganizationMember::default()
    }
}
