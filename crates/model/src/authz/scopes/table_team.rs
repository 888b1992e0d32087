//! Scopes about teams.

super::groups! {
    "Teams": [
        Organization "team:list" "List the organisation's teams.",
        Organization "team:create" "Create a team.",
        Organization "github_team:create" "Create a team whose members come from GitHub.",
        Team "team:read" "See a team, its members and what it may do.",
        Team "team:update" "Change a team, its members and its roles.",
        Team "team:delete" "Delete a team.",
        Team "team:create_token" "Create an access token of a team.",
        Team "team:list_tokens" "List a team's access tokens.",
        Team "team:delete_token" "Delete an access token of a team.",
    ],
}
