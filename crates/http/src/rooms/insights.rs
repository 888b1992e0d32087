//! Insights accounts on the wire: converts, calls `pileus_service::insights`, converts back. Knows no rule and no SQL.

use super::insights_wire::{self as present, Shown, Style};
use crate::Reply;
use pileus_contract::{ops, wire};
use pileus_model::{Result, names::decode_account};
use pileus_service::{
    Cx,
    insights::accounts::{self, Change, Listing, NewAccount},
};
use serde_json::{Value, json};

/// `ListAccounts`
pub async fn list(cx: Cx, args: ops::ListAccountsArgs) -> Result<Reply> {
    let style = Style::of(args.accept.as_deref());
    let listing = Listing {
        parent: args.parent,
        role: args.role_id,
        continuation_token: args.continuation_token,
        count: args.count,
    };
    let (found, next) = accounts::list(&cx, listing).await?;
    let found =
        found.into_iter().map(|view| present::account(view, style, Shown::InList)).collect::<Result<Vec<_>>>()?;
    let mut reply = json!({ "accounts": found });
    if let (Some(next), Value::Object(reply)) = (next, &mut reply) {
        reply.insert("nextToken".into(), next.into());
    }
    Reply::json(200, &reply)
}

/// `ReadAccount`
pub async fn get(cx: Cx, args: ops::ReadAccountArgs) -> Result<Reply> {
    let view = accounts::get(&cx, &args.account_name).await?;
    Reply::json(200, &present::account(view, Style::of(args.accept.as_deref()), Shown::Alone)?)
}

/// `HeadAccount`
pub async fn head(cx: Cx, args: ops::HeadAccountArgs) -> Result<()> {
    accounts::find(&cx, &args.account_name).await.map(drop)
}

/// `CreateAccount`: with `cron`, as older clients send it, the reply is the older one.
pub async fn create(cx: Cx, args: ops::CreateAccountArgs) -> Result<Reply> {
    let body = args.body;
    let older = body.cron.is_some() && body.scan_schedule.is_none();
    let new = NewAccount {
        name: decode_account(&args.account_name),
        provider: body.provider,
        environment: body.environment,
        schedule: body.scan_schedule,
        cron: body.cron,
        agent_pool: body.agent_pool_id,
        config: body.provider_config,
    };
    let made = accounts::create(&cx, new).await?;
    if !older {
        return Ok(Reply::empty(204));
    }
    Reply::json(200, &json!({"message": format!("Account {} created successfully.", made.account.name)}))
}

/// `BulkCreateAccounts`
pub async fn create_many(cx: Cx, args: ops::BulkCreateAccountsArgs) -> Result<Reply> {
    let style = Style::of(args.accept.as_deref());
    let new = args.body.accounts.into_iter().map(|item| NewAccount {
        name: item.name,
        provider: item.provider,
        environment: item.environment,
        schedule: item.scan_schedule,
        cron: None,
        agent_pool: item.agent_pool_id,
        config: item.provider_config,
    });
    let (made, failures) = accounts::create_many(&cx, new.collect()).await?;
    let made = made.into_iter().map(|view| present::account(view, style, Shown::InList)).collect::<Result<Vec<_>>>()?;
    let failures = failures.into_iter().map(|(name, error)| wire::BulkCreateInsightsAccountFailure { name, error });
    Reply::json(200, &json!({"accounts": made, "failures": failures.collect::<Vec<_>>()}))
}

/// `UpdateAccount`
pub async fn update(cx: Cx, args: ops::UpdateAccountArgs) -> Result<()> {
    let body = args.body;
    let change = Change {
        environment: body.environment,
        schedule: body.scan_schedule,
        agent_pool: body.agent_pool_id,
        config: body.provider_config,
    };
    accounts::update(&cx, &args.account_name, change).await
}

/// `DeleteAccount`
pub async fn delete(cx: Cx, args: ops::DeleteAccountArgs) -> Result<()> {
    accounts::delete(&cx, &args.account_name).await
}
