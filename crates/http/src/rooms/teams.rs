//! Teams on the wire: converts, calls `pileus_service::teams`, converts back. Knows no rule and no SQL.

use super::roles::record;
use pileus_contract::{ops, wire};
use pileus_model::{Result, authz::scopes::account_title};
use pileus_service::{
    Cx,
    teams::{
        self, EnvironmentChange, GivenAccount, GivenEnvironment, NewTeam, Standing, Team, TeamChange, Wish,
        longest_open,
    },
};

/// `ListTeams`
pub async fn list(cx: Cx, _args: ops::ListTeamsArgs) -> Result<wire::ListTeamsResponse> {
    let teams = teams::list(&cx).await?;
    Ok(wire::ListTeamsResponse { teams: teams.into_iter().map(team).collect() })
}

/// `GetTeam`
pub async fn get(cx: Cx, args: ops::GetTeamArgs) -> Result<wire::Team> {
    teams::get(&cx, &args.team_name).await.map(team)
}

/// `CreatePulumiTeam`
pub async fn create(cx: Cx, args: ops::CreatePulumiTeamArgs) -> Result<wire::Team> {
    let wire::CreatePulumiTeamRequest { name, display_name, description } = args.body;
    teams::create(&cx, NewTeam { name, display_name, description }).await.map(team)
}

/// `UpdateTeam`
pub async fn update(cx: Cx, args: ops::UpdateTeamArgs) -> Result<()> {
    let change = change(args.body);
    teams::update(&cx, &args.team_name, change).await
}

/// `DeleteTeam`
pub async fn delete(cx: Cx, args: ops::DeleteTeamArgs) -> Result<()> {
    teams::delete(&cx, &args.team_name).await
}

/// `EnableTeamRoles`
pub async fn enable_roles(cx: Cx, args: ops::EnableTeamRolesArgs) -> Result<wire::PermissionDescriptorRecord> {
    teams::enable_roles(&cx, &args.team_name).await.map(record)
}

/// `ListTeamRoles`
pub async fn list_roles(cx: Cx, args: ops::ListTeamRolesArgs) -> Result<wire::ListTeamRolesResponse> {
    let roles = teams::roles(&cx, &args.team_name).await?;
    Ok(wire::ListTeamRolesResponse { roles: roles.into_iter().map(record).collect() })
}

/// `UpdateTeamRoles`
pub async fn set_role(cx: Cx, args: ops::UpdateTeamRolesArgs) -> Result<()> {
    teams::set_role(&cx, &args.team_name, &args.role_id).await
}

/// `DeleteTeamRole`
pub async fn remove_role(cx: Cx, args: ops::DeleteTeamRoleArgs) -> Result<()> {
    teams::remove_role(&cx, &args.team_name, &args.role_id).await
}

/// A team as the contract shows it.
pub(super) fn team(team: Team) -> wire::Team {
    let members = team.members.into_iter().map(|member| wire::TeamMemberInfo {
        name: member.user.name,
        github_login: member.user.login,
        avatar_url: String::new(),
        email: None,
        role: Standing::of(member.admin).as_str().to_owned(),
    });
    wire::Team {
        kind: "pulumi".into(),
        name: team.row.name,
        display_name: team.row.display_name,
        description: team.row.description,
        members: Some(members.collect()),
        user_role: Some(team.standing.as_str().to_owned()),
        role_ids: Some(team.row.role.iter().map(ToString::to_string).collect()),
        stacks: Some(Vec::new()),
        environments: Some(team.holdings.environments.into_iter().map(environment).collect()),
        accounts: Some(team.holdings.accounts.into_iter().map(account).collect()),
        list_members_error: None,
    }
}

fn environment(of: GivenEnvironment) -> wire::TeamEnvironmentSettings {
    wire::TeamEnvironmentSettings {
        project_name: of.project,
        env_name: of.name,
        permission: of.given.permission.as_str().to_owned(),
        max_open_duration: longest_open(of.given),
        permission_set_name: of.given.permission.title().map(str::to_owned),
    }
}

fn account(of: GivenAccount) -> wire::TeamAccountPermission {
    wire::TeamAccountPermission {
        account_name: of.name,
        permission: of.permission.number(),
        permission_set_name: account_title(of.permission).map(str::to_owned),
    }
}

fn change(body: wire::UpdateTeamRequest) -> TeamChange {
    let stack = |project: String, stack: String| format!("{project}/{stack}");
    let stacks = [body.add_stack_permission, body.edit_stack_permission].into_iter().flatten();
    let removed = body.remove_stack.into_iter();
    let given = [body.add_environment_permission, body.edit_environment_permission].into_iter().flatten();
    let given = given.map(|of| EnvironmentChange {
        project: of.project_name,
        name: of.env_name,
        to: Some(Wish { permission: of.permission, longest_open: of.max_open_duration }),
    });
    let taken = body.remove_environment.into_iter();
    let taken = taken.map(|of| EnvironmentChange { project: of.project_name, name: of.env_name, to: None });
    TeamChange {
        display_name: body.new_display_name,
        description: body.new_description,
        member: body.member,
        action: body.member_action,
        stacks: stacks
            .map(|s| stack(s.project_name, s.stack_name))
            .chain(removed.map(|s| stack(s.project_name, s.stack_name)))
            .collect(),
        environments: given.chain(taken).collect(),
    }
}
