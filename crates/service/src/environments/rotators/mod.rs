//! What `fn::rotate` finds: the rotators.

use super::providers::Site;
use pileus_esc::host::Rotator;
use std::sync::Arc;

/// The rotator of this name, if there is one. It may wait with [`Site::wait`].
pub(super) fn find(_: &Arc<Site>, _: &str) -> Option<Arc<dyn Rotator>> {
    None
}
