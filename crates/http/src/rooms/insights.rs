//! Insights accounts on the wire: converts, calls `pileus_service::insights`, converts back. Knows no rule and no SQL.

use super::{
    insights_shown::{Shown, account, made, page},
    insights_wire::Style,
};
use crate::Reply;
use pileus_contract::ops;
use pileus_model::{Result, names::decode_account};
use pileus_service::{
    Cx,
    insights::accounts::{self as service, Change, Listing, NewAccount},
};
use serde_json::json;

/// `ListAccounts`
pub async fn list(cx: Cx, args: ops::ListAccountsArgs) -> Result<Reply> {
    let style = Style::of(args.accept.as_deref());
    let listing = Listing {
        parent: args.parent,
        role: args.role_id,
        continuation_token: args.continuation_token,
        count: args.count,
    };
    let (found, next) = service::list(&cx, listing).await?;
    Reply::json(200, &page(&found, style, next))
}

/// `ReadAccount`
pub async fn get(cx: Cx, args: ops::ReadAccountArgs) -> Result<Reply> {
    let view = service::get(&cx, &args.account_name).await?;
    Reply::json(200, &account(&view, Style::of(args.accept.as_deref()), Shown::Alone))
}

/// `HeadAccount`
pub async fn head(cx: Cx, args: ops::HeadAccountArgs) -> Result<()> {
    service::find(&cx, &args.account_name).await.map(drop)
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
    let made = service::create(&cx, new).await?;
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
    let (views, failures) = service::create_many(&cx, new.collect()).await?;
    Reply::json(200, &made(&views, failures, style))
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
    service::update(&cx, &args.account_name, change).await
}

/// `DeleteAccount`
pub async fn delete(cx: Cx, args: ops::DeleteAccountArgs) -> Result<()> {
    service::delete(&cx, &args.account_name).await
}
