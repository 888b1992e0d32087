//! What teams promise: their life from first to last, and that being in one is never a way to more than was given.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::{
    testing::House,
    tokens::{self, NewTeamToken},
};
use pileus_model::{ErrorKind, caller::BuiltinRole};

fn new(name: &str) -> NewTeam {
    NewTeam { name: name.into(), ..NewTeam::default() }
}

fn member(action: &str, login: &str) -> TeamChange {
    TeamChange { member: Some(login.into()), action: Some(action.into()), ..TeamChange::default() }
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

fn who(team: &Team) -> Vec<(&str, bool)> {
    team.members.iter().map(|member| (member.user.login.as_str(), member.admin)).collect()
}

#[tokio::test]
async fn from_first_to_last() {
    let house = House::new().await;
    house.member("bob", BuiltinRole::Member, None).await;
    let cx = house.root_cx().await;
    let made = create(&cx, NewTeam { display_name: "Ops & co".into(), ..new("ops") }).await.unwrap();
    assert_eq!((who(&made), made.standing), (vec![("root", true)], Standing::Admin));
    assert_eq!(kind(create(&cx, new("ops")).await), ErrorKind::Conflict);
    update(&cx, "ops", member("add", "BOB")).await.unwrap();
    update(&cx, "ops", member("promote", "bob")).await.unwrap();
    update(&cx, "ops", member("demote", "root")).await.unwrap();
    let team = get(&cx, "ops").await.unwrap();
    assert_eq!((who(&team), team.standing), (vec![("bob", true), ("root", false)], Standing::Member));
    update(&cx, "ops", member("remove", "root")).await.unwrap();
    create(&cx, new("dev")).await.unwrap();
    let all = list(&cx).await.unwrap();
    assert_eq!(all.iter().map(|team| team.row.name.as_str()).collect::<Vec<_>>(), ["dev", "ops"]);
    assert_eq!((who(&all[0]), who(&all[1])), (vec![("root", true)], vec![("bob", true)]));
    assert_eq!(all[1].standing, Standing::None);
    delete(&cx, "ops").await.unwrap();
    assert_eq!(kind(get(&cx, "ops").await), ErrorKind::NotFound);
    assert_eq!(kind(delete(&cx, "ops").await), ErrorKind::NotFound);
    assert_eq!(house.said("acme", "team-created").await, ["Created team \"ops\"", "Created team \"dev\""]);
    assert_eq!(house.said("acme", "team-deleted").await, ["Deleted team \"ops\""]);
    let said = [
        "Updated team \"ops\": added member \"bob\"",
        "Updated team \"ops\": made \"bob\" a team admin",
        "Updated team \"ops\": made \"root\" a plain team member",
        "Updated team \"ops\": removed member \"root\"",
    ];
    assert_eq!(house.said("acme", "team-updated").await, said);
}

#[tokio::test]
async fn a_change_happens_in_one_piece_or_not_at_all() {
    let house = House::new().await;
    house.member("bob", BuiltinRole::Member, None).await;
    house.user("stranger").await;
    let cx = house.root_cx().await;
    create(&cx, new("ops")).await.unwrap();
    let both = |login: &str| TeamChange {
        display_name: Some("Operations".into()),
        description: Some("keeps it running".into()),
        ..member("add", login)
    };
    assert_eq!(kind(update(&cx, "ops", both("stranger")).await), ErrorKind::NotFound);
    assert_eq!(get(&cx, "ops").await.unwrap().row.display_name, "ops");
    update(&cx, "ops", both("bob")).await.unwrap();
    let team = get(&cx, "ops").await.unwrap();
    assert_eq!((team.row.display_name.as_str(), team.members.len()), ("Operations", 2));
    let said = "Updated team \"ops\": set display name to \"Operations\", set description, added member \"bob\"";
    assert_eq!(house.said("acme", "team-updated").await, [said]);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let house = House::new().await;
    house.member("bob", BuiltinRole::Member, None).await;
    let cx = house.root_cx().await;
    create(&cx, new("ops")).await.unwrap();
    let stack = TeamChange { stacks: vec!["web/prod".into()], ..TeamChange::default() };
    let wish = Wish { permission: "owner".into(), longest_open: None };
    let change = EnvironmentChange { project: "web".into(), name: "prod".into(), to: Some(wish) };
    let environment = TeamChange { environments: vec![change], ..TeamChange::default() };
    assert_eq!(update(&cx, "ops", stack).await.unwrap_err().message(), "stack \"web/prod\" does not exist");
    let half = TeamChange { member: Some("bob".into()), ..TeamChange::default() };
    let long = TeamChange { display_name: Some("x".repeat(101)), ..TeamChange::default() };
    for bad in [environment, half, long, TeamChange::default(), member("befriend", "bob")] {
        assert_eq!(kind(update(&cx, "ops", bad).await), ErrorKind::Invalid);
    }
    assert_eq!(kind(update(&cx, "ops", member("promote", "bob")).await), ErrorKind::NotFound);
    assert_eq!(kind(update(&cx, "ops", member("remove", "bob")).await), ErrorKind::NotFound);
    assert_eq!(kind(update(&cx, "ops", member("add", "root")).await), ErrorKind::Conflict);
    assert_eq!(kind(update(&cx, "none", member("add", "bob")).await), ErrorKind::NotFound);
    assert!(house.said("acme", "team-updated").await.is_empty());
}

#[tokio::test]
async fn a_team_has_one_role_at_most() {
    let house = House::new().await;
    let (first, second) = (house.role("First", &[]).await, house.role("Second", &[]).await);
    let cx = house.root_cx().await;
    create(&cx, new("ops")).await.unwrap();
    assert!(roles(&cx, "ops").await.unwrap().is_empty());
    for role in [first, second] {
        set_role(&cx, "ops", &role.to_string()).await.unwrap();
    }
    assert_eq!(roles(&cx, "ops").await.unwrap()[0].id, second);
    assert_eq!(kind(enable_roles(&cx, "ops").await), ErrorKind::Invalid);
    assert_eq!(kind(remove_role(&cx, "ops", &first.to_string()).await), ErrorKind::NotFound);
    remove_role(&cx, "ops", &second.to_string()).await.unwrap();
    assert!(get(&cx, "ops").await.unwrap().row.role.is_none());
    assert_eq!(kind(set_role(&cx, "ops", "nonsense").await), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_team_s_own_role_goes_with_it() {
    let house = House::new().await;
    let cx = house.root_cx().await;
    create(&cx, new("ops")).await.unwrap();
    let role = enable_roles(&cx, "ops").await.unwrap();
    assert_eq!((role.name.as_str(), role.ux_purpose.as_str()), ("team:ops", "role_private"));
    assert_eq!(get(&cx, "ops").await.unwrap().row.role, Some(role.id));
    let token = NewTeamToken { name: "ci".into(), ..NewTeamToken::default() };
    tokens::create_for_team(&cx, "ops", token).await.unwrap();
    delete(&cx, "ops").await.unwrap();
    assert_eq!(kind(crate::roles::get(&cx, &role.id.to_string()).await), ErrorKind::NotFound);
    assert_eq!(house.said("acme", "team-token-deleted").await, ["Deleted team token \"ci\" of team \"ops\""]);
    assert_eq!(house.said("acme", "custom-role-deleted").await, ["Deleted custom role \"team:ops\""]);
}

#[tokio::test]
async fn nobody_gets_more_by_way_of_a_team() {
    let house = House::new().await;
    let strong = house.role("Strong", &["org_member:set_admin"]).await;
    let steward = house.role("Steward", &["team:update", "team:create_token"]).await;
    house.team("ops", "root", true, Some(strong)).await;
    house.team("dev", "root", true, None).await;
    let eve = house.member("eve", BuiltinRole::Member, Some(steward)).await;
    let eve = house.cx(&eve, Some("acme")).await;
    let token = || NewTeamToken { name: "ci".into(), ..NewTeamToken::default() };
    assert_eq!(kind(update(&eve, "ops", member("add", "eve")).await), ErrorKind::Forbidden);
    assert_eq!(kind(tokens::create_for_team(&eve, "ops", token()).await), ErrorKind::Forbidden);
    assert_eq!(kind(set_role(&eve, "dev", &strong.to_string()).await), ErrorKind::Forbidden);
    let admin = crate::roles::builtin::builtin_role_id(eve.org().unwrap().id, BuiltinRole::Admin).to_string();
    assert_eq!(kind(set_role(&eve, "dev", &admin).await), ErrorKind::Forbidden);
    update(&eve, "dev", member("add", "eve")).await.unwrap();
    assert_eq!(kind(update(&eve, "dev", member("promote", "eve")).await), ErrorKind::Forbidden);
    tokens::create_for_team(&eve, "dev", token()).await.unwrap();
}

#[tokio::test]
async fn a_team_s_admin_may_take_others_in() {
    let house = House::new().await;
    let strong = house.role("Strong", &["audit_logs:read"]).await;
    house.member("bob", BuiltinRole::Member, None).await;
    let eve = house.member("eve", BuiltinRole::Member, None).await;
    house.team("ops", "eve", true, Some(strong)).await;
    let eve = house.cx(&eve, Some("acme")).await;
    update(&eve, "ops", member("add", "bob")).await.unwrap();
    update(&eve, "ops", member("promote", "bob")).await.unwrap();
}
