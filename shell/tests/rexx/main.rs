//! REXX on the host: our own expectations, and the same programs run by Regina beside us.

mod differential;
mod host;
mod hostile;
mod numbers;
mod trace;
