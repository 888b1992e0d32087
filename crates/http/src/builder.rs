//! Registration: which function serves which operation.
//!
//! This room knows how a typed handler becomes one that the dispatcher can call without knowing its types. It must never
//! know what any of them does.

use crate::reply::{IntoReply, Reply};
use futures_util::future::BoxFuture;
use pileus_contract::{Args, RawArgs};
use pileus_model::{Error, Result};
use pileus_service::Cx;
use std::{collections::HashMap, future::Future};

/// A handler without its types: decodes at once, and then runs.
pub(crate) type Handler = Box<dyn Fn(Cx, RawArgs, u16) -> Result<BoxFuture<'static, Result<Reply>>> + Send + Sync>;

/// Collects the handlers of the served operations.
#[derive(Default)]
pub struct Builder {
    handlers: HashMap<&'static str, Handler>,
    repeated: Vec<&'static str>,
}

/// What a handler's future ends with: a [`Result`] of something that can be replied.
pub trait Outcome: Send + 'static {
    /// As a reply; `status` is the declared one.
    ///
    /// # Errors
    /// The handler's own, or `Internal` where the value cannot be written.
    fn finish(self, status: u16) -> Result<Reply>;
}

impl<R: IntoReply> Outcome for Result<R> {
    fn finish(self, status: u16) -> Result<Reply> {
        self.and_then(|value| value.into_reply(status))
    }
}

impl Builder {
    /// Registers the handler of the operation that these arguments belong to.
    pub fn op<A, F, Fut>(&mut self, handler: F)
    where
        A: Args,
        F: Fn(Cx, A) -> Fut + Send + Sync + Copy + 'static,
        Fut: Future<Output: Outcome> + Send + 'static,
    {
        let erased: Handler = Box::new(move |cx, raw, status| {
            let args = A::decode(raw)?;
            Ok(Box::pin(async move { handler(cx, args).await.finish(status) }))
        });
        if self.handlers.insert(A::OPERATION, erased).is_some() {
            self.repeated.push(A::OPERATION);
        }
    }
    /// The handlers by operation id.
    ///
    /// # Errors
    /// `Internal` where an operation was registered twice.
    pub(crate) fn finish(self) -> Result<HashMap<&'static str, Handler>> {
        match self.repeated.first() {
            Some(id) => Err(Error::internal(format!("the operation {id} is registered twice"))),
            None => Ok(self.handlers),
        }
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.handlers.keys()).finish()
    }
}
