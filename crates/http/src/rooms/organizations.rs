//! Organisations on the wire: converts, calls `pileus_service::organizations`, converts back. Knows no rule and no SQL.

use pileus_contract::{ops, wire};
use pileus_model::{Result, ids::RoleId};
use pileus_service::{
    Cx,
    organizations::{self, Overview, SettingsChange},
};

/// `GetOrganization`
pub async fn get(cx: Cx, _args: ops::GetOrganizationArgs) -> Result<wire::Organization> {
    let org = cx.org()?;
    Ok(wire::Organization {
        github_login: org.name.clone(),
        name: org.display_name.clone(),
        ..wire::Organization::default()
    })
}

/// `GetOrganizationMetadata`
pub async fn metadata(cx: Cx, _args: ops::GetOrganizationMetadataArgs) -> Result<wire::OrganizationMetadata> {
    organizations::overview(&cx).await.map(shown)
}

/// `UpdateOrganizationSettings`
pub async fn update(cx: Cx, args: ops::UpdateOrganizationSettingsArgs) -> Result<wire::OrganizationMetadata> {
    organizations::update(&cx, change(args.body)).await.map(shown)
}

fn change(body: wire::UpdateOrganizationRequest) -> SettingsChange {
    SettingsChange {
        members_can_create_teams: body.set_members_can_create_teams,
        members_can_create_stacks: body.set_members_can_create_stacks,
        members_can_create_accounts: body.set_members_can_create_accounts,
        members_can_delete_stacks: body.set_members_can_delete_stacks,
        members_can_transfer_stacks: body.set_members_can_transfer_stacks,
        members_can_invite_collaborators: body.set_members_can_invite_collaborators,
        default_stack_permission: body.set_default_stack_permission,
        default_environment_permission: body.set_default_environment_permission,
        default_account_permission: body.set_default_account_permission,
        max_access_token_expiry_days: body.set_max_access_token_expiry_days,
        preferred_vcs: body.set_preferred_vcs,
        ai_enablement: body.set_ai_enablement,
        default_agent_pool_id: body.set_default_agent_pool_id,
        default_deployment_role_id: body.set_default_deployment_role_id,
        natural_language_search_disabled: body.set_natural_language_search_disabled,
        neo_agent_disabled: body.set_neo_agent_disabled,
        neo_approval_mode: body.set_neo_approval_mode,
        neo_cli_explanations_disabled: body.set_neo_cli_explanations_disabled,
        neo_enabled: body.set_neo_enabled,
        neo_task_sharing_mode: body.set_neo_task_sharing_mode,
    }
}

fn shown(overview: Overview) -> wire::OrganizationMetadata {
    let Overview { organization, settings, members, role } = overview;
    wire::OrganizationMetadata {
        id: organization.org.id.to_string(),
        kind: "pulumi".to_owned(),
        created: organization.created_at.rfc3339(),
        user_role: role.as_str().to_owned(),
        default_stack_permission: settings.default_stack_permission,
        default_environment_permission: settings.default_environment_permission,
        default_account_permission: settings.default_account_permission,
        members_can_create_stacks: settings.members_can_create_stacks,
        members_can_delete_stacks: settings.members_can_delete_stacks,
        members_can_transfer_stacks: settings.members_can_transfer_stacks,
        members_can_create_teams: settings.members_can_create_teams,
        members_can_create_accounts: settings.members_can_create_accounts,
        neo_enabled: settings.neo_enabled,
        neo_approval_mode: settings.neo_approval_mode,
        neo_task_sharing_mode: settings.neo_task_sharing_mode,
        neo_cli_explanations_disabled: settings.neo_cli_explanations_disabled,
        natural_language_search_disabled: settings.natural_language_search_disabled,
        neo_agent_disabled: settings.neo_agent_disabled,
        ai_enablement: settings.ai_enablement,
        preferred_vcs: settings.preferred_vcs,
        audit_logs_enabled: true,
        features: features(),
        member_count: members,
        default_role_id: organization.default_role.as_ref().map(RoleId::to_string),
        default_deployment_role_id: Some(settings.default_deployment_role_id).filter(|id| !id.is_empty()),
        max_access_token_expiry_days: Some(settings.max_access_token_expiry_days).filter(|days| *days > 0),
        ..wire::OrganizationMetadata::default()
    }
}

/// What is served; everything else is off.
fn features() -> wire::OrganizationFeatures {
    wire::OrganizationFeatures {
        access_token_expiry_policy_enabled: Some(true),
        audit_log_ui_filtering_enabled: true,
        audit_logs_enabled: true,
        custom_role_condition: true,
        custom_roles_enabled: true,
        machine_tokens_enabled: Some(true),
        teams_enabled: Some(true),
        users_custom_roles_enabled: Some(true),
        ..wire::OrganizationFeatures::default()
    }
}
