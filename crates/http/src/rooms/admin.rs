//! What site admins do, on the wire: users and organisations of the installation. Knows no rule and no SQL.

use super::{account, tokens::created};
use pileus_contract::{ops, wire};
use pileus_model::Result;
use pileus_service::{
    Cx,
    organizations::{self, NewOrganization, Organization},
    tokens,
    users::{self, NewUser, Profile, UserChange},
};

/// `ListUsers`
pub async fn list_users(cx: Cx, args: ops::ListUsersArgs) -> Result<wire::ListUsersResponse> {
    let (page, continuation_token) = users::list(&cx, args.continuation_token.as_deref(), args.page_size).await?;
    Ok(wire::ListUsersResponse { users: page.into_iter().map(admin_user).collect(), continuation_token })
}

/// `CreateUser`
pub async fn create_user(cx: Cx, args: ops::CreateUserArgs) -> Result<wire::User> {
    let new = NewUser { login: args.body.login, name: args.body.name, email: args.body.email };
    let made = users::create(&cx, new).await?;
    Ok(account::user(&made.user, &[]))
}

/// `GetUser`
pub async fn get_user(cx: Cx, args: ops::GetUserArgs) -> Result<wire::AdminUser> {
    users::get(&cx, &args.login).await.map(admin_user)
}

/// `UpdateUser`
pub async fn update_user(cx: Cx, args: ops::UpdateUserArgs) -> Result<wire::AdminUser> {
    let change = UserChange { name: args.body.name, disabled: args.body.disabled, site_admin: args.body.site_admin };
    users::update(&cx, &args.login, change).await.map(admin_user)
}

/// `DeleteUser`
pub async fn delete_user(cx: Cx, args: ops::DeleteUserArgs) -> Result<()> {
    users::delete(&cx, &args.login).await
}

/// `CreateUserToken`
pub async fn create_token(cx: Cx, args: ops::CreateUserTokenArgs) -> Result<wire::CreateAccessTokenResponse> {
    let (description, expires) = (args.body.description, args.body.expires.unwrap_or(0));
    tokens::create_for(&cx, &args.login, description, expires).await.map(created)
}

/// `ListOrganizations`
pub async fn list_organizations(cx: Cx, args: ops::ListOrganizationsArgs) -> Result<wire::ListOrganizationsResponse> {
    let (page, next) = organizations::list(&cx, args.continuation_token.as_deref(), args.page_size).await?;
    let organizations = page.into_iter().map(|(org, members)| admin_organization(org, members)).collect();
    Ok(wire::ListOrganizationsResponse { organizations, continuation_token: next })
}

/// `CreateOrganization`
pub async fn create_organization(cx: Cx, args: ops::CreateOrganizationArgs) -> Result<wire::AdminOrganization> {
    let new = NewOrganization { name: args.body.name, display_name: args.body.display_name, admin: args.body.admin };
    let made = organizations::create(&cx, new).await?;
    Ok(admin_organization(made, 1))
}

fn admin_user(profile: Profile) -> wire::AdminUser {
    let Profile { user, organizations } = profile;
    let shown = account::user(&user.user, &organizations);
    wire::AdminUser {
        id: shown.id,
        github_login: shown.github_login,
        name: shown.name,
        email: shown.email,
        organizations: shown.organizations,
        site_admin: shown.site_admin,
        disabled: user.disabled,
        created: user.created_at.rfc3339(),
        ..wire::AdminUser::default()
    }
}

fn admin_organization(organization: Organization, members: i64) -> wire::AdminOrganization {
    wire::AdminOrganization {
        name: organization.org.name,
        display_name: organization.org.display_name,
        created: organization.created_at.rfc3339(),
        member_count: members,
    }
}
