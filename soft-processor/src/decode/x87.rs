//! None yet.
use super::Form;
use crate::core::Handler;
pub(crate) fn select(_: &mut Form) -> Option<Handler> {
    None
}
