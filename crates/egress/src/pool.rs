//! Places that were asked, and the connections to them that wait for the next question.
//!
//! A connection that waits belongs to no task: whoever takes it drives it itself, so an answer wakes the one who asked and
//! nobody else. That it was closed meanwhile is noticed when it is taken (the question then goes to another one) or when what
//! waited too long is closed.

use crate::{EgressError, HeaderValue, link::Link};
use http::Uri;
use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;
use url::{Position, Url};

/// How long a connection is kept that nobody uses.
const KEPT: Duration = Duration::from_secs(30);
/// How many places are remembered before those without connections are forgotten.
const MANY: usize = 256;

/// A scheme, a host and a port.
pub(crate) struct Place {
    /// The three as what is connected to.
    pub(crate) uri: Uri,
    /// The host, as URLs write it.
    pub(crate) host: String,
    /// The header that names it.
    pub(crate) header: HeaderValue,
    /// Whether TLS is spoken there.
    pub(crate) tls: bool,
    /// The longest unused first.
    idle: Mutex<Vec<(Box<Link>, Instant)>>,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.uri, f)
    }
}

/// A poisoned lock only means that another thread panicked; what is guarded here is whole after each step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Place {
    /// The place of a URL that was checked.
    fn new(url: &Url) -> Result<Self, EgressError> {
        let wrong = |e: &dyn fmt::Display| EgressError::Url(e.to_string());
        let uri: Uri = url[..Position::BeforePath].parse().map_err(|e| wrong(&e))?;
        let header = HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort]).map_err(|e| wrong(&e))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        Ok(Self { uri, host, header, tls: url.scheme() == "https", idle: Mutex::default() })
    }
    /// The connection that was used last, if one waits.
    pub(crate) fn take(&self) -> Option<Box<Link>> {
        let mut idle = lock(&self.idle);
        let (link, since) = idle.pop()?;
        if since.elapsed() < KEPT {
            return Some(link);
        }
        // All others wait for even longer.
        let old = std::mem::take(&mut *idle);
        drop(idle);
        drop((link, old));
        None
    }
    fn put(&self, link: Box<Link>, most: usize) {
        let mut idle = lock(&self.idle);
        if idle.len() < most {
            idle.push((link, Instant::now()));
        }
    }
    /// Closes what waited too long; whether something still waits.
    fn sweep(&self) -> bool {
        let mut idle = lock(&self.idle);
        let old = idle.iter().take_while(|(_, since)| since.elapsed() >= KEPT).count();
        let old: Vec<_> = idle.drain(..old).collect();
        let some = !idle.is_empty();
        drop(idle);
        drop(old);
        some
    }
}

/// All places.
#[derive(Debug)]
pub(crate) struct Pool {
    places: Mutex<HashMap<String, Arc<Place>>>,
    /// Connections that wait for each place.
    most: usize,
    /// Whether somebody sweeps.
    swept: AtomicBool,
}

impl Pool {
    /// Without places; so many connections wait for each.
    pub(crate) fn new(most: usize) -> Self {
        Self { places: Mutex::default(), most, swept: AtomicBool::new(false) }
    }
    /// The place of a URL that was checked.
    pub(crate) fn place(&self, url: &Url) -> Result<Arc<Place>, EgressError> {
        let key = &url[..Position::BeforePath];
        let mut places = lock(&self.places);
        if let Some(place) = places.get(key) {
            return Ok(Arc::clone(place));
        }
        if places.len() >= MANY {
            places.retain(|_, place| Arc::strong_count(place) > 1 || place.sweep());
        }
        let place = Arc::new(Place::new(url)?);
        places.insert(key.to_owned(), Arc::clone(&place));
        Ok(place)
    }
    /// A connection waits for the next question, if it can be asked one.
    pub(crate) fn put(self: &Arc<Self>, place: &Place, mut link: Box<Link>) {
        if self.most > 0 && link.rest() {
            place.put(link, self.most);
            self.watch();
        }
    }
    /// Closes what waited too long; whether something still waits.
    fn sweep(&self) -> bool {
        let places: Vec<_> = lock(&self.places).values().cloned().collect();
        // Each is swept, whatever the others have.
        places.iter().filter(|place| place.sweep()).count() > 0
    }
    /// Sees to it that somebody sweeps while something waits.
    fn watch(self: &Arc<Self>) {
        if self.swept.load(Ordering::Acquire) || self.swept.swap(true, Ordering::AcqRel) {
            return;
        }
        let sweeping = Sweeping(Arc::downgrade(self));
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(KEPT).await;
                let Some(pool) = sweeping.0.upgrade() else { return };
                if !pool.sweep() {
                    drop(sweeping);
                    // Somebody may have put one after the look and seen a sweeper.
                    if pool.sweep() {
                        pool.watch();
                    }
                    return;
                }
            }
        });
    }
}

/// Tells, however the sweeper ends, that nobody sweeps any more.
struct Sweeping(Weak<Pool>);

impl Drop for Sweeping {
    fn drop(&mut self) {
        if let Some(pool) = self.0.upgrade() {
            pool.swept.store(false, Ordering::Release);
        }
    }
}
