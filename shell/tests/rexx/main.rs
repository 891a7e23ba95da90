//! REXX on the host: our own expectations, and the same programs run by Regina beside us.

mod differential;
mod double_byte;
mod errors;
mod host;
mod hostile;
mod numbers;
mod trace;
