//! The only floor that knows SQL.
//!
//! `db` is the seam over the two engines; beside it stands a room per subject, whose functions are plain and synchronous
//! (`fn create(tx: &mut dyn Tx, org: OrgId, …) -> Result<…>`), take their scope first and run inside
//! [`Store::read`] or [`Store::write`]. What they mean is `service`'s business; who may call them too.

mod db;

pub mod audit;
pub mod auth;
pub mod environments;
pub mod environments_deleted;
pub mod environments_keys;
pub mod environments_many;
pub mod environments_revisions;
pub mod environments_rotation;
pub mod environments_schedules;
pub mod environments_tags;
pub mod environments_teams;
pub mod insights;
pub mod master_keys;
pub mod members;
pub mod names;
pub mod oidc;
pub mod organizations;
pub mod roles;
pub mod teams;
pub mod tokens;
pub mod users;

pub use db::{Engine, Flow, Health, Opened, Params, Recorded, Row, Sql, Store, StoreConfig, Tx, TxExt, Value, Written};
